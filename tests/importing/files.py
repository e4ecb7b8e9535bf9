"""Files for the import tests: their bytes, and what an import made of them."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from refunds.importing.files import OWN, BadFile, Format, Layout, Rejection, Return, Row, Source, rows
from refunds.importing.importer import Summary, import_file, import_rows

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
HEADER = "order_line,quantity,amount,currency,reason,customer,customer_email,requested_at"
GOOD_CELLS = ("1001/1", "2", "12.50", "GBP", "too small", "c-1", "ann@example.com", "2026-07-15T12:00:00+03:00")
GOOD: Mapping[str, str] = dict(zip(HEADER.split(","), GOOD_CELLS, strict=True))
# The columns and a row of Online Retail.
ONLINE = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
C536391,22556,PLASTERS IN TIN CIRCUS PARADE ,-12,2010-12-01 10:24:00,1.65,17548.0,United Kingdom
"""
GOOD_ONLINE: Mapping[str, str] = next(csv.DictReader(io.StringIO(ONLINE)))


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if any(c in value for c in '",\r\n') else value


def line(**cells: str) -> str:
    """A row of the own layout: the good one with other cells."""
    return ",".join(quoted(value) for value in {**GOOD, **cells}.values())


def csv_file(*lines: str, end: str = "\n", header: str = HEADER) -> bytes:
    """The own header, or another, and these lines."""
    return "".join(f"{each}{end}" for each in (header, *lines)).encode()


def with_ids(*rows: tuple[str, dict[str, str]]) -> bytes:
    """A file of rows, each with its return_id (or none) and its differences from the good row."""
    return csv_file(*(f"{line(**cells)},{return_id}" for return_id, cells in rows), header=f"{HEADER},return_id")


def jsonl_file(*objects: Mapping[str, Any]) -> bytes:
    return "".join(f"{json.dumps(each)}\n" for each in objects).encode()


def read(data: bytes, layout: Layout = OWN, form: Format = Format.CSV) -> list[Row | Rejection]:
    """The rows of a file, without a database."""
    return list(rows(Source(io.BytesIO(data), "returns"), layout=layout, form=form, now=NOW))


def messages(found: Iterable[Row | Rejection]) -> list[str]:
    return [str(each) for each in found if isinstance(each, Rejection)]


def taken(found: Iterable[Row | Rejection]) -> list[Row]:
    return [each for each in found if isinstance(each, Row)]


def content(data: bytes, layout: Layout = OWN, form: Format = Format.CSV) -> Return:
    """The content of the file's one row, which was not rejected."""
    (row,) = read(data, layout, form)
    assert isinstance(row, Row), row
    return row.content


def rejection(data: bytes, layout: Layout = OWN, form: Format = Format.CSV) -> str:
    """The message about the one rejected row of the file."""
    (message,) = messages(read(data, layout, form))
    return message


def refusal(data: bytes, layout: Layout = OWN, form: Format = Format.CSV) -> str:
    """The message about the file, which is refused as a whole: one line."""
    with pytest.raises(BadFile) as caught:
        read(data, layout, form)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def store(data: bytes, form: Format = Format.CSV, now: datetime = NOW) -> tuple[Summary, list[Rejection]]:
    """Import a file into the database."""
    rejected: list[Rejection] = []
    source = Source(io.BytesIO(data), "returns")
    summary = import_file(source, layout=OWN, form=form, now=now, on_rejected=rejected.append)
    return summary, rejected


def counts(summary: Summary) -> tuple[int, int, int]:
    """Imported, known and rejected rows."""
    return summary.imported, summary.known, summary.rejected


def imported(data: bytes, form: Format = Format.CSV) -> tuple[int, int, int]:
    """Import a file into the database; imported, known and rejected rows."""
    return counts(store(data, form)[0])


def run(file: str | Path, *options: str, stderr: io.StringIO | None = None) -> tuple[str, str, str]:
    """Run the command: standard output, standard error and the error that ends it, or an empty text."""
    out, err = io.StringIO(), stderr or io.StringIO()
    try:
        call_command("import_returns", str(file), *options, stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        return out.getvalue(), err.getvalue(), str(error)
    return out.getvalue(), err.getvalue(), ""


def write(folder: Path, data: bytes, name: str = "a.csv") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def none_rejected(rejection: Rejection) -> None:
    """Fail: the import is of good rows only."""
    pytest.fail(str(rejection))


def import_good(found: Iterable[Row], now: datetime = NOW) -> Summary:
    """Import rows, none of which is rejected."""
    return import_rows(found, now=now, on_rejected=none_rejected)
