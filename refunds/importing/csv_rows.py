"""Read CSV: a header, and rows with one cell per column."""

import csv
from collections.abc import Iterator
from typing import Final

from . import causes
from .errors import BadFile, BadRow, Rejection, shown
from .fields import Cells
from .layout import REJECTED, Bound, Layout, folded
from .reading import Record, Source, decoded, records
from .spreadsheets import unescaped

# A row: its line, the layout bound to its columns, its cells by column, and the row as written.
Found = tuple[int, Bound, Cells, tuple[str, ...] | str]
# The most wrong columns that a message names: the file can be of any kind.
_NAMED: Final = 10


def cells(source: Source, layout: Layout) -> Iterator[Found | Rejection]:
    """Yield each row, or its rejection. Raises BadFile."""
    found = records(source, separator=layout.separator)
    if separator := causes.line_of_sep(source.beginning()):
        if separator != layout.separator:
            raise BadFile(
                f"{source.name} begins with Excel's line sep=, which says how the columns are separated: "
                f"import it with {causes.option_for(separator)}"
            )
        next(found)
    first = next(found, None)
    if first is None:
        raise BadFile(f"{source.name} is empty; the columns of layout {layout.name} are {', '.join(layout.columns)}")
    table = _Table(source, layout, first)
    for record in found:
        yield record if isinstance(record, Rejection) else table.row(record)


def _split(text: str, record: Record, separator: str) -> list[str]:
    where = f" up to line {record.last_line}" if record.last_line > record.line else ""
    if "\x00" in text:
        raise BadRow(f"the row{where} holds a NUL")
    try:
        return next(csv.reader([text], strict=True, delimiter=separator))
    except csv.Error as error:
        # Cut off the advice to programmers that the module csv adds.
        raise BadRow(f"the row{where} is not CSV: {str(error).partition(' - do you')[0]}") from error


class _Table:
    """Reads the rows below a header. Raises BadFile if the header does not fit the layout.

    A file of rejected rows (`rejects`) has two more columns and escaped cells. Remove these columns and the escapes.
    """

    def __init__(self, source: Source, layout: Layout, first: Record | Rejection) -> None:
        self._encoding, self._separator = source.encoding, layout.separator
        written, text = self._header(source, first)
        self._width = len(written)
        rejected = set(map(folded, written)) >= REJECTED
        self._dropped = {at for at, name in enumerate(written) if rejected and folded(name) in REJECTED}
        source.header = self._own(written)
        self._names = [name.strip() for name in source.header]
        self._bound = layout.bind([name for name in self._names if name])
        _check(source, self._bound, self._names, text)
        self._whole_when_cut = _whole_when_cut(self._bound, self._names[-1])

    def row(self, record: Record) -> Found | Rejection:
        """Return the row or its rejection, both with the row as written."""
        written: tuple[str, ...] | None = None
        try:
            values = _split(decoded(record.data, self._encoding), record, self._separator)
            written = self._own(values)
            self._check(record, values)
        except BadRow as error:
            # If the row has no cells, keep it as one text. surrogateescape keeps undecodable bytes unchanged.
            text = record.data.decode(self._encoding, "surrogateescape")
            return Rejection(record.line, str(error), text if written is None else written)
        return record.line, self._bound, dict(zip(self._names, written, strict=True)), written

    def _header(self, source: Source, first: Record | Rejection) -> tuple[list[str], str]:
        try:
            if isinstance(first, Rejection):
                raise BadRow(first.reason)
            text = decoded(first.data, self._encoding)
            return _split(text, first, self._separator), text
        except BadRow as error:
            raise BadFile(f"{source.name} has no header that can be read: {error}") from error

    def _own(self, values: list[str]) -> tuple[str, ...]:
        if not self._dropped:
            return tuple(values)
        return tuple(unescaped(value) for at, value in enumerate(values) if at not in self._dropped)

    def _check(self, record: Record, values: list[str]) -> None:
        if len(values) != self._width:
            where = f" (up to line {record.last_line})" if record.last_line > record.line else ""
            raise BadRow(f"{len(values)} cells{where} where the header has {self._width}")
        if not record.terminated and not self._whole_when_cut:
            raise BadRow(
                f"the file ends without a line break, so that {self._names[-1]} {shown(values[-1])} may be cut off; "
                "add the line break if it is whole"
            )


def _whole_when_cut(bound: Bound, last: str) -> bool:
    """Return whether a cut value in the last column would be invalid, or the layout does not read this column."""
    layout = bound.layout
    if last == bound.columns.get("currency", ("",))[-1]:
        return True
    if last == bound.columns.get("requested_at", ("",))[-1]:
        return layout.dates == ("iso",)
    return last not in bound.read


def _check(source: Source, bound: Bound, names: list[str], text: str) -> None:
    layout = bound.layout
    missing = bound.missing
    if missing and (separator := causes.other_separator(text, layout)):
        raise BadFile(
            f"{source.name} separates its columns with {shown(separator)}, not with {shown(layout.separator)} as "
            f"layout {layout.name} does: import it with {causes.option_for(separator)}"
        )
    unnamed = [str(at) for at, name in enumerate(names, start=1) if not name]
    if unnamed and not layout.ignore_unknown:
        raise BadFile(
            f"{source.name} has no name for column {', '.join(unnamed[:_NAMED])}: its first line has a separator too "
            'many, often at its end; take it off each line, or use a layout with unknown_columns = "ignore"'
        )
    wrong = [
        f"{what} {', '.join(map(shown, columns[:_NAMED]))}"
        for what, columns in (("missing", missing), ("unknown", bound.unknown), ("doubled", bound.doubled))
        if columns
    ]
    if wrong:
        others = causes.other_layouts(bound, names) if missing else []
        hints = [*bound.hints, *(f"this looks like --layout {other}" for other in others[:1])]
        raise BadFile(f"{source.name} has not the header of layout {layout.name}: {'; '.join([*wrong, *hints])}")
