"""CSV and JSON lines: records into cells by column."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from .errors import BadFile, BadRow, Rejection, shown
from .fields import Cells
from .reading import Record, Source, records
from .rows import LAYOUTS, Layout


class Format(StrEnum):
    """How rows are written down."""

    CSV = "csv"
    JSONL = "jsonl"


# Wrong columns that a message names: the file may be no table at all.
_NAMED: Final = 10


def guess(source: Source) -> Format:
    """By the first byte: JSON begins with a brace, or a bracket where it is not JSON lines. Raises BadFile."""
    return Format.JSONL if source.beginning().lstrip().startswith((b"{", b"[")) else Format.CSV


def cells(source: Source, layout: Layout, form: Format) -> Iterator[tuple[int, Cells] | Rejection]:
    """Each row's line and its cells by column name, or why it has none.

    Raises BadFile for a file that is empty, cannot be read or has a wrong header.
    """
    found = records(source, quoted=form is Format.CSV)
    first = next(found, None)
    if first is None:
        raise BadFile(f"{source.name} is empty; the columns of layout {layout.name} are {', '.join(layout.columns)}")
    if form is Format.JSONL:
        yield from _each([first], lambda record: _json_cells(record, layout))
        yield from _each(found, lambda record: _json_cells(record, layout))
    else:
        header = _header(source, first, layout)
        yield from _each(found, lambda record: _csv_cells(record, header, layout))


def _each(
    found: Iterable[Record | Rejection], read: Callable[[Record], Cells]
) -> Iterator[tuple[int, Cells] | Rejection]:
    for record in found:
        if isinstance(record, Rejection):
            yield record
            continue
        try:
            yield record.line, read(record)
        except BadRow as error:
            yield Rejection(record.line, str(error))


def _text(record: Record) -> str:
    try:
        return record.data.decode()
    except UnicodeDecodeError as error:
        raise BadRow(
            f"not UTF-8: byte 0x{record.data[error.start]:02x} at byte {error.start + 1} of the row"
        ) from error


def _split(record: Record) -> list[str]:
    text = _text(record)
    where = f" up to line {record.last_line}" if record.last_line > record.line else ""
    if "\x00" in text:
        raise BadRow(f"the row{where} holds a NUL")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise BadRow(f"the row{where} is not CSV: {error}") from error


def _header(source: Source, first: Record | Rejection, layout: Layout) -> list[str]:
    try:
        if isinstance(first, Rejection):
            raise BadRow(first.reason)
        names = [cell.strip() for cell in _split(first)]
    except BadRow as error:
        raise BadFile(f"{source.name} has no header that can be read: {error}") from error
    counts = Counter(names)
    wrong = [
        f"{what} {', '.join(map(shown, columns))}"
        for what, columns in (
            ("missing", [name for name in layout.required if name not in counts]),
            ("unknown", [name for name in counts if name not in layout.columns][:_NAMED]),
            ("doubled", [name for name in counts if counts[name] > 1][:_NAMED]),
        )
        if columns
    ]
    if wrong:
        others = [other.name for other in LAYOUTS.values() if counts.keys() >= set(other.required)]
        hint = f"; this looks like --layout {others[0]}" if others and layout.name not in others else ""
        raise BadFile(f"{source.name} has not the header of layout {layout.name}: {'; '.join(wrong)}{hint}")
    return names


def _csv_cells(record: Record, header: list[str], layout: Layout) -> Cells:
    values = _split(record)
    if len(values) != len(header):
        where = f" (up to line {record.last_line})" if record.last_line > record.line else ""
        raise BadRow(f"{len(values)} cells{where} where the header has {len(header)}")
    if not record.terminated and header[-1] not in layout.whole_when_cut:
        raise BadRow(
            f"the file ends without a line break, so that {header[-1]} {shown(values[-1])} may be cut off; "
            "add the line break if it is whole"
        )
    return dict(zip(header, values, strict=True))


_KINDS: Final[Mapping[type, str]] = MappingProxyType({bool: "true or false", list: "a list", dict: "an object"})


class _Number(str):
    """The literal of a JSON number, digit for digit: a float would change it."""

    __slots__ = ()


def _json_cells(record: Record, layout: Layout) -> Cells:
    text = _text(record)
    try:
        parsed = json.loads(
            text, parse_float=_Number, parse_int=_Number, parse_constant=_Number, object_pairs_hook=_unique
        )
    except json.JSONDecodeError as error:
        raise BadRow(f"not JSON: {error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise BadRow("not a row: JSON nested too deeply") from error
    if not isinstance(parsed, dict):
        raise BadRow(f"a row is a JSON object, not {shown(text.strip())}")
    unknown = [name for name in parsed if name not in layout.columns]
    if unknown:
        raise BadRow(f"unknown column {shown(unknown[0])}; known are {', '.join(layout.columns)}")
    return {name: _cell(name, value, layout) for name, value in parsed.items()}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadRow(f"{shown(name)} is given twice")
        found[name] = value
    return found


def _cell(name: str, value: Any, layout: Layout) -> str:
    if value is None:
        return ""
    number = isinstance(value, _Number)
    if isinstance(value, str) and (not number or name in layout.numbers):
        return str(value)
    wanted = "a number or text" if name in layout.numbers else "text"
    found = "a number" if number else _KINDS[type(value)]
    raise BadRow(f"{name} must be {wanted}, not {found}")
