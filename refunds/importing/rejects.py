"""The file of rejected rows: as they were, each with its line and reason, to be corrected and imported again."""

import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from . import json_rows
from .errors import BadFile, Rejection
from .formats import Format
from .layout import REJECTED_LINE, REJECTED_REASON, Layout
from .reading import Source
from .spreadsheets import escaped

# Where a row of JSON could not be read, its text.
REJECTED_ROW: Final = "rejected_row"
_SUFFIXES: Final = {".csv": Format.CSV, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL}


class Rejects:
    """Writes `path` whole when the import has ended, or not at all; in the encoding and format of the file read.

    CSV has `rejected_line` and `rejected_reason` in front of the file's own columns, and cells that a spreadsheet would
    run are escaped; JSON has them as keys, in a line for each row. Reading such a file takes both off again.

    The rows gather in a file of another name next to it, readable by its owner alone: they are customers' data. A kill
    leaves that one. Raises BadFile where the path is taken or cannot be written, before anything is imported.
    """

    def __init__(self, path: Path, source: Source, layout: Layout, form: Format) -> None:
        self._path, self._source, self._layout, self._form = path, source, layout, form
        self._count = 0
        if (suffix := _SUFFIXES.get(path.suffix.lower(), form)) is not form:
            raise BadFile(
                f"cannot write rejected rows to {path}: they are written as {form}, as they were, and its name says "
                f"{suffix}; name it otherwise"
            )
        if os.path.lexists(path):
            raise BadFile(f"cannot write rejected rows to {path}: it is there already; move it, or name another file")
        # utf-16 writes its mark once at the beginning; surrogateescape gives broken bytes back as they were.
        self._encoding = layout.encoding
        try:
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        except OSError as error:
            raise BadFile(f"cannot write rejected rows to {path}: {error.strerror}") from error
        self._gathered = Path(name)
        self._file = os.fdopen(handle, "w", encoding=self._encoding, errors="surrogateescape", newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the file its name, unless the import failed or rejected nothing. Raises BadFile."""
        try:
            self._file.close()
            if error is None and self._count:
                # A link, because it does not replace a file that somebody has made in the meantime.
                os.link(self._gathered, self._path)
        except OSError as failure:
            raise BadFile(
                f"cannot write rejected rows to {self._path}: {failure.strerror}; import the file again with another "
                "--rejects: what is in is known"
            ) from failure
        finally:
            self._gathered.unlink(missing_ok=True)

    def add(self, rejection: Rejection) -> None:
        """Write the rejected row. Raises BadFile."""
        try:
            if self._form is Format.CSV:
                self._add_csv(rejection)
            else:
                self._file.write(_json_line(rejection))
        except OSError as error:
            raise BadFile(f"cannot write rejected rows to {self._path}: {error.strerror}") from error
        self._count += 1

    def _add_csv(self, rejection: Rejection) -> None:
        if not self._count:
            self._write([REJECTED_LINE, REJECTED_REASON], self._source.header)
        written = rejection.written
        row = (written.rstrip("\r\n"),) if isinstance(written, str) else written or ()
        self._write([str(rejection.line), self._storable(rejection.reason)], row)

    def _write(self, ours: Sequence[str], theirs: Sequence[str]) -> None:
        # Each cell in quotes: a comma in one starts no cell of its own where another separator is expected.
        writer = csv.writer(self._file, delimiter=self._layout.separator, quoting=csv.QUOTE_ALL)
        writer.writerow([escaped(cell) for cell in (*ours, *theirs)])

    def _storable(self, reason: str) -> str:
        """The reason with what the file's encoding does not have escaped."""
        return reason.encode(self._encoding, "backslashreplace").decode(self._encoding)


def _json_line(rejection: Rejection) -> str:
    text = rejection.written if isinstance(rejection.written, str) else ""
    own = json_rows.parsed(text)
    ours = {REJECTED_LINE: rejection.line, REJECTED_REASON: rejection.reason}
    return f"{json_rows.literal({**ours, **({REJECTED_ROW: text} if own is None else own)})}\n"
