"""Write rejected rows, with line and reason, to a file that a person corrects and imports again."""

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
from .json_values import literal
from .layout import REJECTED_LINE, REJECTED_REASON, Layout
from .reading import Source
from .spreadsheets import escaped

# The key of the text of an unreadable row of JSON.
REJECTED_ROW: Final = "rejected_row"
_SUFFIXES: Final = {".csv": Format.CSV, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL}


class Rejects:
    """Writes `path` at the end of the import, in the source's encoding and format. `path` is whole or does not exist.

    CSV has the columns `rejected_line` and `rejected_reason` before the file's own, and escapes cells that a
    spreadsheet would run. JSON has both as keys, in a line for each row. The import of such a file removes both.

    Rows are customers' data: until the end, they are in another file in the same folder that only its owner can read. A
    kill leaves that file. Raises BadFile before the import starts if the path exists or cannot be written.
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
        # utf-16 writes one byte order mark, at the beginning. surrogateescape writes broken bytes unchanged.
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
        """Rename the file, unless the import failed or rejected nothing. Raises BadFile."""
        try:
            self._file.close()
            if error is None and self._count:
                # A link does not overwrite a file that another process has created since.
                os.link(self._gathered, self._path)
        except OSError as failure:
            raise BadFile(
                f"cannot write rejected rows to {self._path}: {failure.strerror}; import the file again with another "
                "--rejects: the stored rows are then already known"
            ) from failure
        finally:
            self._gathered.unlink(missing_ok=True)

    def add(self, rejection: Rejection) -> None:
        """Write a rejected row. Raises BadFile."""
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
        # Quote each cell, so that a program that expects another separator does not split it.
        writer = csv.writer(self._file, delimiter=self._layout.separator, quoting=csv.QUOTE_ALL)
        writer.writerow([escaped(cell) for cell in (*ours, *theirs)])

    def _storable(self, reason: str) -> str:
        """Return the reason. Escape the characters that the file's encoding lacks."""
        return reason.encode(self._encoding, "backslashreplace").decode(self._encoding)


def _json_line(rejection: Rejection) -> str:
    text = rejection.written if isinstance(rejection.written, str) else ""
    own = json_rows.parsed(text)
    ours = {REJECTED_LINE: rejection.line, REJECTED_REASON: rejection.reason}
    return f"{literal({**ours, **({REJECTED_ROW: text} if own is None else own)})}\n"
