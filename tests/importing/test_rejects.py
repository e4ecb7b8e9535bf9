"""`--rejects FILE`: rejected rows as they were, to be corrected and imported again."""

import csv
import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refunds.importing.files import Format
from refunds.importing.spreadsheets import escaped, unescaped
from refunds.models import ReturnRequest

from .files import GOOD, HEADER, content, csv_file, jsonl_file, line, run, write

pytestmark = pytest.mark.django_db


def rejects(folder: Path, data: bytes, *options: str, name: str = "a.csv") -> Path:
    """Import these bytes, and return the file of rejected rows."""
    file = folder / f"rejects{Path(name).suffix}"
    error = run(write(folder, data, name), *options, "--rejects", str(file))[2]
    assert error.endswith(f"; correct and import {file}"), error
    return file


def test_rejected_rows_are_written_unchanged(tmp_path: Path) -> None:
    """The line and the reason come before the file's own columns, which keep their order."""
    bad = {"amount": "NaN", "reason": 'a "b", c\nd'}
    file = rejects(tmp_path, csv_file(line(), line(**bad), line(quantity="0") + ",more"))
    assert list(csv.reader(file.read_bytes().decode().splitlines(keepends=True))) == [
        ["rejected_line", "rejected_reason", *HEADER.split(",")],
        ["3", "amount 'NaN' is not a number", *{**GOOD, **bad}.values()],
        ["5", "9 cells where the header has 8", *{**GOOD, "quantity": "0"}.values(), "more"],
    ]
    assert file.stat().st_mode & 0o077 == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "rejects.csv"]


def test_corrected_file_is_imported(tmp_path: Path) -> None:
    """The two columns are not read, and known rows are not imported twice."""
    file = rejects(tmp_path, csv_file(line(), line(amount="NaN", reason="=1+1")))
    assert run(file)[1].startswith("line 2: amount 'NaN'")
    file.write_text(file.read_text().replace("NaN", "3.00"))
    assert run(file)[1:] == ("", "")
    assert sorted(ReturnRequest.objects.values_list("amount_minor", "reason")) == [(300, "=1+1"), (1250, "too small")]


@pytest.mark.parametrize(
    ("data", "name", "before", "now"),
    [
        (csv_file(line(), line(amount="NaN", reason="=1")), "a.csv", '\n"3",', '\n"2",'),
        (jsonl_file(GOOD, {**GOOD, "amount": "NaN"}), "a.jsonl", '_line": 2', '_line": 1'),
    ],
    ids=["csv", "jsonl"],
)
def test_rejects_of_rejects_have_their_columns_once(
    tmp_path: Path, data: bytes, name: str, before: str, now: str
) -> None:
    """A second import writes the same rows with their new lines, escaped once."""
    first = rejects(tmp_path, data, name=name)
    again = tmp_path / f"again{first.suffix}"
    run(first, "--rejects", str(again))
    assert now in again.read_text()
    assert again.read_text().replace(now, before) == first.read_text()


def test_json_rows_are_written_with_their_numbers_digit_for_digit(tmp_path: Path) -> None:
    """Each row is a line, with its line and reason as keys. A row that is not an object is a text."""
    data = b'{"amount": 1.10, "currency": "XXX", "quantity": 1, "order_line": "x"}\n[1]\n{"a"\n'
    file = rejects(tmp_path, data, name="a.jsonl")
    lines = file.read_text().splitlines()
    assert '"amount": 1.10, "currency": "XXX", "quantity": 1, "order_line": "x"}' in lines[0]
    assert [json.loads(each)["rejected_line"] for each in lines] == [1, 2, 3]
    assert [json.loads(each)["rejected_row"] for each in lines[1:]] == ["[1]", '{"a"']
    file.write_text(jsonl_file({"rejected_line": 1, "rejected_reason": "x", **GOOD}).decode())
    assert run(file)[1:] == ("", "")


@pytest.mark.parametrize(
    ("row", "last"),
    [
        (b'1001/1,"2"x,y', ['1001/1,"2"x,y']),
        (b"caf\xe9,2", ["caf\udce9,2"]),
        (b"=cmd(),\x00", ["'=cmd(),\x00"]),
        (b"x" * 200_000, []),
    ],
)
def test_row_that_is_not_csv_is_written_as_text(tmp_path: Path, row: bytes, last: list[str]) -> None:
    """Broken bytes are written unchanged. Of a row that is too long, only line and reason are written."""
    file = rejects(tmp_path, csv_file() + row + b"\n")
    text = file.read_bytes().decode(errors="surrogateescape")
    assert list(csv.reader(text.splitlines(keepends=True)))[1][2:] == last


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_file_has_the_encoding_and_separator_of_its_source(tmp_path: Path, encoding: str) -> None:
    """The same options read it."""
    data = csv_file(line(amount="x", reason="zu groß")).decode().replace(",", ";")
    options = ("--separator", "semicolon", "--encoding", encoding)
    file = rejects(tmp_path, data.encode(encoding), *options)
    text = file.read_bytes().decode(encoding).replace('"x"', '"1"')
    assert "zu groß" in text
    file.write_bytes(text.encode(encoding))
    assert run(file, *options)[1:] == ("", "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.csv", "it is there already; move it, or name another file"),
        ("dangling.csv", "it is there already"),
        ("none/r.csv", "No such file or directory"),
        ("r.jsonl", "they are written as csv, as they were, and its name says jsonl"),
    ],
)
def test_unwritable_path_is_refused_before_anything_is_imported(tmp_path: Path, name: str, message: str) -> None:
    """The path exists, its folder does not, or its name is of another format."""
    data = csv_file(line(), line(amount="x"))
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "nowhere.csv")
    assert message in run(write(tmp_path, data), "--rejects", str(tmp_path / name))[2]
    assert not ReturnRequest.objects.exists()
    assert (tmp_path / "a.csv").read_bytes() == data


def test_import_that_fails_or_rejects_nothing_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No temporary file is left either. Importing the file again after a failure rejects the same rows."""
    to_file = ("--rejects", str(tmp_path / "r.csv"))
    assert run(write(tmp_path, csv_file(line())), *to_file)[1:] == ("", "")
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]
    monkeypatch.setattr("refunds.importing.statements.add_requests", Mock(side_effect=KeyboardInterrupt))
    assert "interrupted" in run(write(tmp_path, csv_file(line(amount="x"), line())), *to_file)[2]
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_file_that_appears_during_the_import_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two imports with one name, the first keeps its file, and the second says what to do."""

    def another(*_: Any) -> list[Any]:
        (tmp_path / "r.csv").write_text("another's")
        return []

    monkeypatch.setattr("refunds.importing.statements.add_requests", another)
    error = run(write(tmp_path, csv_file(line(amount="x"), line())), "--rejects", str(tmp_path / "r.csv"))[2]
    assert "File exists; import the file again with another --rejects" in error
    assert (tmp_path / "r.csv").read_text() == "another's"


RUN = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


@given(st.text(st.sampled_from("'1a,;| " + RUN)))
@example("-12.50")
@example("'=x")
@example("''-12")
def test_unescaped_restores_escaped_cells(cell: str) -> None:
    """It restores any cell. Only a number can begin as a formula does after it is escaped."""
    assert unescaped(escaped(cell)) == cell
    is_number = escaped(cell).strip("+-").replace(",", "").replace(".", "").isdigit()
    assert is_number or not escaped(cell).startswith(tuple(RUN))


@pytest.mark.parametrize(
    "wanted",
    [
        *("'=1+1", "'+1-1", "'-2+3", "'@SUM(A1)", "'\t'=1", "'\uff1d1+1", "x,'=1+1", "x;'=1+1", "'-"),
        *("-12.50", "+380501234567", "'tis"),
    ],
)
def test_cells_that_a_spreadsheet_runs_are_escaped(wanted: str) -> None:
    """A character that another spreadsheet reads as a separator begins a cell too. A negative number is data."""
    cell = wanted if wanted == "'tis" else wanted.replace("'", "")
    assert escaped(cell) == wanted


def test_escape_is_removed_only_in_files_of_rejected_rows() -> None:
    """In any other file an apostrophe is the shop's."""
    assert content(csv_file(line(reason="'=1+1"))).reason == "'=1+1"
    header = f"rejected_line,rejected_reason,{HEADER}"
    assert content(csv_file("3,x," + line(reason="'=1+1"), header=header)).reason == "=1+1"
    assert content(jsonl_file({**GOOD, "reason": "'=1"}), form=Format.JSONL).reason == "'=1"
