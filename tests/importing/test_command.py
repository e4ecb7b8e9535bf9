"""`python -m refunds import_returns`."""

import errno
import io
import os
import sys
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from refunds.importing import importer
from refunds.models import ReturnRequest

from .files import GOOD, csv_file, jsonl_file, line

pytestmark = pytest.mark.django_db


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def run(file: str | Path, *options: str, stderr: io.StringIO | None = None) -> tuple[str, str, str]:
    """Standard output, standard error and the error that ends the command, or an empty text."""
    out, err = io.StringIO(), stderr or io.StringIO()
    try:
        call_command("import_returns", str(file), *options, stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        return out.getvalue(), err.getvalue(), str(error)
    return out.getvalue(), err.getvalue(), ""


def give_standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_summary_counts_every_row(tmp_path: Path) -> None:
    """The counts add up, each currency has its total, and each rejected row has a line."""
    file = tmp_path / "returns.csv"
    file.write_bytes(csv_file(line(), line(amount="NaN"), line(amount="1234.5", currency="UAH")))
    assert run(file) == (
        dedent("""\
            read                     3
            imported                 2
            already known            0
            rejected                 1
            total GBP            12.50
            total UAH         1,234.50
            """),
        "line 3: amount 'NaN' is not a number\n",
        "rejected rows: 1; correct them and import the file again",
    )


def test_file_imported_again_is_known(tmp_path: Path) -> None:
    """The second import adds nothing, and reports no error."""
    file = tmp_path / "returns.csv"
    file.write_bytes(csv_file(line()))
    run(file)
    out, err, error = run(file)
    assert [each.split()[-1] for each in out.splitlines()] == ["1", "0", "1", "0"]
    assert (err, error) == ("", "")


@pytest.mark.parametrize(
    ("name", "data", "options"),
    [
        ("a.csv", csv_file(line()), ()),
        ("a.CSV", csv_file(line()), ()),
        ("a.jsonl", jsonl_file(GOOD), ()),
        ("a.ndjson", jsonl_file(GOOD), ()),
        ("a.txt", csv_file(line()), ()),
        ("a.txt", b"\xef\xbb\xbf " + jsonl_file(GOOD), ()),
        ("a.csv", jsonl_file(GOOD), ("--format", "jsonl")),
        ("a.jsonl", csv_file(line()), ("--format", "csv")),
    ],
)
def test_format_comes_from_the_option_the_name_or_the_first_byte(
    tmp_path: Path, name: str, data: bytes, options: tuple[str, ...]
) -> None:
    """The option wins over the name, and the name over the content."""
    (tmp_path / name).write_bytes(data)
    assert run(tmp_path / name, *options)[1:] == ("", "")
    assert ReturnRequest.objects.count() == 1


@pytest.mark.parametrize("data", [csv_file(line()), jsonl_file(GOOD)])
def test_format_of_standard_input_comes_from_its_first_byte(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """`-` reads CSV or JSON lines from a pipe."""
    give_standard_input(monkeypatch, data)
    assert run("-")[1:] == ("", "")
    assert ReturnRequest.objects.count() == 1


def test_unreadable_file_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is missing, a directory, forbidden, empty, closed, or fails while it is read."""
    empty = tmp_path / "empty.csv"
    empty.touch()
    assert run(tmp_path / "none.csv")[2] == f"cannot read {tmp_path}/none.csv: No such file or directory"
    assert run(tmp_path)[2] == f"cannot read {tmp_path}: Is a directory"
    assert run(empty)[2].startswith(f"{empty} is empty; the columns of layout own are order_line, ")
    monkeypatch.setattr(sys, "stdin", None)
    assert run("-")[2] == "cannot read standard input: it is closed"

    def forbidden(*_: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    # A disk that fails while it is read.
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(readline=forbidden, fileno=forbidden)))
    assert run("-")[2] == "cannot read standard input: Permission denied"
    monkeypatch.setattr(Path, "open", forbidden)
    assert run(empty)[2] == f"cannot read {empty}: Permission denied"
    assert not ReturnRequest.objects.exists()


def test_json_list_is_not_read_as_csv(tmp_path: Path) -> None:
    """Its elements are rows."""
    (tmp_path / "a.json").write_text("[{}, [1]]\n")
    assert run(tmp_path / "a.json")[1] == "line 1: currency is missing\nline 1: a row is a JSON object, not '[1]'\n"


def test_wrong_header_names_the_columns_and_the_layout_that_fits(tmp_path: Path) -> None:
    """A file of another layout is refused as a whole, with the option that reads it."""
    file = tmp_path / "h1.csv"
    file.write_text("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n")
    assert run(file)[2].startswith(f"{file} has not the header of layout own: missing 'order_line', 'amount', ")
    assert run(file)[2].endswith("; this looks like --layout online-retail")
    assert run(file, "--layout", "online-retail")[2] == ""


def test_database_error_carries_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the database ends the command as it is, with a note that earlier batches are in."""

    def broken(*_: object) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr("refunds.importing.statements.add_requests", broken)
    (tmp_path / "a.csv").write_bytes(csv_file(line()))
    with pytest.raises(DatabaseError, match="away") as raised:
        run(tmp_path / "a.csv")
    assert raised.value.__notes__ == ["Batches before this are in: import the file again for the rest"]


def test_interruption_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with one line and the exit status of an interrupted command."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("refunds.importing.statements.add_requests", interrupted)
    (tmp_path / "a.csv").write_bytes(csv_file(line()))
    with pytest.raises(CommandError, match="interrupted; whole batches are in") as caught:
        call_command("import_returns", str(tmp_path / "a.csv"))
    assert caught.value.returncode == 130


def test_progress_is_drawn_only_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has a bar by bytes and a pipe a count of rows. Both are cleared before a rejected row's line."""
    monkeypatch.setattr(importer, "BATCH", 1_000)
    data = csv_file(*[line()] * 1_000, line(amount="0"))
    (tmp_path / "a.csv").write_bytes(data)
    err = run(tmp_path / "a.csv", stderr=Terminal())[1]
    assert "\r\x1b[K[##############################] 100%  1,000 rows" in err
    assert "\r\x1b[Kline 1002: amount 0 is not positive\n" in err
    assert err.endswith("\r\x1b[K[##############################] 100%  1,001 rows\r\x1b[K")
    give_standard_input(monkeypatch, data)
    assert "\r\x1b[K1,000 rows" in run("-", stderr=Terminal())[1]
    assert run(tmp_path / "a.csv")[1] == "line 1002: amount 0 is not positive\n"
