"""Read JSON: a line for each row, or one document, which is imported or refused as a whole."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from .csv_rows import Found
from .errors import BadFile, BadRow, Rejection, shown
from .json_values import DECODER, SPACE, Doubled, Number, values
from .layout import REJECTED, Bound, Layout, folded
from .reading import Source, decoded, records

# Bytes of a document, some 40,000 rows: memory holds all of it. A file of JSON lines has no limit.
LARGEST_DOCUMENT: Final = 16 * 1024 * 1024
# Sets of keys whose columns are cached; most files have one.
_SHAPES: Final = 100


def cells(source: Source, layout: Layout) -> Iterator[Found | Rejection]:
    """Yield each row, or its rejection. Raises BadFile for an empty file, or an incomplete document."""
    reader = _Reader(layout)
    if _is_document(source):
        yield from reader.document(source)
        return
    empty = True
    for record in records(source, separator=""):
        empty = False
        yield record if isinstance(record, Rejection) else reader.line(record.line, record.data, source.encoding)
    if empty:
        raise BadFile(f"{source.name} is empty; the columns of layout {layout.name} are {', '.join(layout.columns)}")


def _is_document(source: Source) -> bool:
    """Return whether the first line begins a list, or an object that continues in the next line."""
    beginning = source.beginning()
    first = beginning.decode(source.encoding, "replace").strip()
    if first.startswith("[") or not beginning.endswith(b"\n"):
        return first.startswith("[")
    try:
        DECODER.decode(first)
    except json.JSONDecodeError as error:
        return first.startswith("{") and error.pos >= len(first)
    except RecursionError:
        return False
    return False


class _Reader:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._bound = lru_cache(_SHAPES)(layout.bind)

    def line(self, line: int, data: bytes, encoding: str) -> Found | Rejection:
        """Return the row of one line, or its rejection."""
        try:
            text = decoded(data, encoding).strip(SPACE)
            try:
                parsed = DECODER.decode(text)
            except json.JSONDecodeError as error:
                raise BadRow(f"not JSON: {error.msg} at character {error.pos + 1}") from error
            except RecursionError as error:
                raise BadRow("not a row: JSON nested too deeply") from error
        except BadRow as error:
            return Rejection(line, str(error), data.decode(encoding, "surrogateescape").strip(SPACE))
        return self._row(line, parsed, text)

    def document(self, source: Source) -> Iterator[Found | Rejection]:
        """Yield the rows of lists of objects, and of objects, in order. Read everything before the first row."""
        text = _whole(source)
        try:
            for _ in values(text):  # parse twice: the result takes ten times the memory of the text
                pass
        except json.JSONDecodeError as error:
            raise BadFile(
                f"{source.name} is one JSON document with an error, and nothing of it was imported: {error.msg} at "
                f"line {error.lineno}, column {error.colno}"
            ) from error
        except RecursionError as error:
            raise BadFile(f"{source.name} is JSON nested too deeply; nothing of it was imported") from error
        line, last = 1, 0
        for start, end, parsed in values(text):
            line += text.count("\n", last, start)
            last = start
            yield self._row(line, parsed, text[start:end])

    def _row(self, line: int, parsed: Any, text: str) -> Found | Rejection:
        try:
            if isinstance(parsed, Doubled):
                raise BadRow(f"{shown(parsed)} is given twice")
            if not isinstance(parsed, dict):
                raise BadRow(f"a row is a JSON object, not {shown(text.strip())}")
            own = {name: value for name, value in parsed.items() if folded(name) not in REJECTED}
            bound = self._bound(tuple(own))
            if bound.unknown:
                known = ", ".join(self._layout.columns)
                raise BadRow(f"unknown column {shown(bound.unknown[0])}; known are {known}")
            if bound.doubled:
                raise BadRow(f"only one may be there of {', '.join(map(shown, bound.doubled))}")
            return line, bound, {name: _cell(name, own[name], bound) for name in own if name in bound.read}, text
        except BadRow as error:
            return Rejection(line, str(error), text)


def _whole(source: Source) -> str:
    kept = bytearray()
    for piece in source.pieces():
        kept += piece
        if len(kept) > LARGEST_DOCUMENT:
            raise BadFile(
                f"{source.name} is one JSON document of more than {LARGEST_DOCUMENT:,} bytes, and nothing of it was "
                "imported: write a row per line (jq -c '.[]' FILE | python -m refunds import_returns -)"
            )
    try:
        return decoded(bytes(kept), source.encoding)
    except BadRow as error:
        raise BadFile(f"{source.name} is one JSON document, and nothing of it was imported: {error}") from error


def parsed(text: str) -> dict[str, Any] | None:
    """Return the object in a row's text, without the keys that a file of rejected rows adds; None for no object."""
    try:
        found = DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {name: value for name, value in found.items() if folded(name) not in REJECTED}


_KINDS: Final[Mapping[type, str]] = MappingProxyType({bool: "true or false", list: "a list", dict: "an object"})


def _cell(name: str, value: Any, bound: Bound) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) and name in {column for column, _ in bound.accepted}:
        return str(value).lower()
    if isinstance(value, Doubled):
        raise BadRow(f"{shown(value)} is given twice")
    number = isinstance(value, Number)
    if isinstance(value, str) and (not number or name in bound.numbers):
        # A JSON number has a dot before its decimals: write the layout's mark, which the checks of numbers expect.
        return value.replace(".", bound.layout.decimal) if number and name in bound.amounts else str(value)
    wanted = "a number or text" if name in bound.numbers else "text"
    found = "a number" if number else _KINDS[type(value)]
    raise BadRow(f"{name} must be {wanted}, not {found}")
