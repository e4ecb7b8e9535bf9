"""`python -m refunds import_returns`."""

import errno
import io
import os
import sys
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from refunds.importing import importer
from refunds.models import ReturnRequest

from .files import GOOD, csv_file, jsonl_file, line, run, write

pytestmark = pytest.mark.django_db
CSV, JSONL = csv_file(line()), jsonl_file(GOOD)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def give_standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Have the command read these bytes from a pipe."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_summary_counts_every_row(tmp_path: Path) -> None:
    """The counts add up, each currency has its total, and each rejected row a line. Imported again, all is known."""
    file = write(tmp_path, csv_file(line(), line(amount="NaN"), line(amount="1234.5", currency="UAH")))
    rejected = "line 3: amount 'NaN' is not a number\n", "rejected rows: 1; correct them and import the file again"
    summary = dedent("""\
        read                     3
        imported                 2
        already known            0
        rejected                 1
        total GBP            12.50
        total UAH         1,234.50
        """)
    assert run(file) == (summary, *rejected)
    out, *again = run(file)
    assert ([each.split()[-1] for each in out.splitlines()], again) == (["3", "0", "2", "1"], [*rejected])


@pytest.mark.parametrize(
    ("name", "data", "options"),
    [
        *((name, CSV, ()) for name in ("a.csv", "a.CSV", "a.txt")),
        *((name, JSONL, ()) for name in ("a.jsonl", "a.ndjson")),
        ("a.txt", b"\xef\xbb\xbf " + JSONL, ()),
        ("a.json", b"[%b]\n" % JSONL.rstrip(), ()),
        ("a.csv", JSONL, ("--format", "jsonl")),
        ("a.jsonl", CSV, ("--format", "csv")),
        ("-", CSV, ()),
        ("-", JSONL, ()),
    ],
)
def test_format_comes_from_the_option_the_name_or_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes, options: tuple[str, ...]
) -> None:
    """The option wins over the name, and the name over the content. `-` reads a pipe."""
    give_standard_input(monkeypatch, data)
    assert run(name if name == "-" else write(tmp_path, data, name), *options)[1:] == ("", "")
    assert ReturnRequest.objects.count() == 1


def test_unreadable_file_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is missing, a directory, forbidden, empty, closed, or fails while it is read."""
    empty = write(tmp_path, b"")
    assert run(tmp_path / "none.csv")[2] == f"cannot read {tmp_path}/none.csv: No such file or directory"
    assert run(tmp_path)[2] == f"cannot read {tmp_path}: Is a directory"
    assert run(empty)[2].startswith(f"{empty} is empty; the columns of layout own are order_line, ")
    monkeypatch.setattr(sys, "stdin", None)
    assert run("-")[2] == "cannot read standard input: it is closed"
    forbidden = Mock(side_effect=PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    # A disk that fails while it is read.
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(readline=forbidden, fileno=forbidden)))
    assert run("-")[2] == "cannot read standard input: Permission denied"
    monkeypatch.setattr(Path, "open", forbidden)
    assert run(empty)[2] == f"cannot read {empty}: Permission denied"
    assert not ReturnRequest.objects.exists()


@pytest.mark.parametrize("trouble", [DatabaseError("away"), KeyboardInterrupt()], ids=["database", "Ctrl-C"])
def test_error_in_the_middle_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    """A database error ends the command as it is, with a note. Ctrl-C ends it with one line and its exit status."""
    monkeypatch.setattr("refunds.importing.statements.add_requests", Mock(side_effect=trouble))
    with pytest.raises((DatabaseError, CommandError)) as caught:
        call_command("import_returns", str(write(tmp_path, CSV)))
    if isinstance(caught.value, CommandError):
        wanted = "interrupted; whole batches are in: import the file again for the rest"
        assert (str(caught.value), caught.value.returncode) == (wanted, 130)
    else:
        assert caught.value is trouble
        assert caught.value.__notes__ == ["Batches before this are in: import the file again for the rest"]


def test_progress_is_drawn_only_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has a bar by bytes and a pipe a count of rows. Both are cleared before a rejected row's line."""
    monkeypatch.setattr(importer, "BATCH", 1_000)
    data = csv_file(*[line()] * 1_000, line(amount="0"))
    file = write(tmp_path, data)
    err = run(file, stderr=Terminal())[1]
    assert "\r\x1b[K[##############################] 100%  1,000 rows" in err
    assert "\r\x1b[Kline 1002: amount 0 is not positive\n" in err
    assert err.endswith("\r\x1b[K[##############################] 100%  1,001 rows\r\x1b[K")
    give_standard_input(monkeypatch, data)
    assert "\r\x1b[K1,000 rows" in run("-", stderr=Terminal())[1]
    assert run(file)[1] == "line 1002: amount 0 is not positive\n"
