"""Convert records of CSV or JSON to cells by column. Refuse a file in another format, with the cause."""

from collections.abc import Iterator
from enum import StrEnum

from . import causes, csv_rows, json_rows
from .csv_rows import Found
from .errors import BadFile, Rejection
from .layout import Layout
from .reading import Source


class Format(StrEnum):
    """Names how a file writes rows: as CSV, or as JSON in lines or in one document."""

    CSV = "csv"
    JSONL = "jsonl"


def guess(source: Source, layout: Layout) -> Format:
    """Guess the format by the first character: JSON begins with a brace or a bracket. Raises BadFile."""
    source.decode_from(layout.encoding)
    return Format.JSONL if _is_json(source.beginning()) else Format.CSV


def cells(source: Source, layout: Layout, form: Format) -> Iterator[Found | Rejection]:
    """Yield each row's line, columns and cells, or its rejection.

    Raises BadFile for a file that is empty, cannot be read, is in another format or has a wrong header.
    """
    source.decode_from(layout.encoding)
    beginning = source.beginning()
    if what := causes.other_format(beginning):
        raise BadFile(f"{source.name} is {what}")
    if form is Format.JSONL:
        yield from json_rows.cells(source, layout)
        return
    if _is_json(beginning):
        raise BadFile(f"{source.name} is JSON, not CSV: import it with --format jsonl")
    if causes.has_bare_returns(beginning):
        raise BadFile(
            f"{source.name} ends its lines with CR alone, as old Macs do: "
            r"tr '\r' '\n' < FILE | python -m refunds import_returns -"
        )
    yield from csv_rows.cells(source, layout)


def _is_json(beginning: bytes) -> bool:
    return beginning.lstrip().startswith((b"{", b"["))
