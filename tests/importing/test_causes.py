"""Files in another format: the cause is named, with the option that reads the file."""

import gzip
import io
import json
from pathlib import Path

import pytest

from refunds.importing import json_rows
from refunds.importing.files import BadFile, Format
from refunds.importing.reading import Source
from refunds.models import ReturnRequest

from .files import GOOD, HEADER, csv_file, line, messages, read, taken
from .test_command import run

GOOD_FILE = csv_file(line())
SEMICOLONS = GOOD_FILE.replace(b",", b";")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            SEMICOLONS,
            "separates its columns with ';', not with ',' as layout own does: import it with --separator semi",
        ),
        (GOOD_FILE.replace(b",", b"\t"), r"separates its columns with '\t', not with ','"),
        (GOOD_FILE.replace(b",", b"|"), "import it with --separator pipe"),
        (
            b"sep=;\r\n" + SEMICOLONS,
            "begins with Excel's line sep=, which says how the columns are separated: import it",
        ),
        (b'"sep=;"\n' + SEMICOLONS, "--separator semicolon"),
        (GOOD_FILE.decode().encode("utf-16"), "is UTF-16: import it with --encoding utf-16"),
        (b"\xfe\xff" + GOOD_FILE.decode().encode("utf-16-be"), "is UTF-16: import it with --encoding utf-16"),
        (
            GOOD_FILE.decode().encode("utf-16-le"),
            "is UTF-16 without a byte order mark: import it with --encoding utf-16-le",
        ),
        (GOOD_FILE.decode().encode("utf-16-be"), "import it with --encoding utf-16-be"),
        (GOOD_FILE.decode().encode("utf-32"), "is UTF-32: save it as UTF-8"),
        (GOOD_FILE.replace(b"\n", b"\r"), "ends its lines with CR alone, as old Macs do: tr "),
        (csv_file(*[line()] * 2_000, end="\r"), "ends its lines with CR alone"),
        (
            csv_file(f"{line()},", header=f"{HEADER},"),
            "has no name for column 9: its first line has a separator too many",
        ),
        (csv_file(f"{line()},,", header=f"{HEADER}, ,"), "has no name for column 9, 10"),
        (
            b"PK\x03\x04rest",
            "is a workbook (.xlsx, .ods) or a ZIP archive: open it in a spreadsheet and save it as CSV",
        ),
        (b"\xd0\xcf\x11\xe0rest", "is an old workbook (.xls)"),
        (
            gzip.compress(GOOD_FILE, mtime=0),
            "is compressed with gzip: gunzip -c FILE | python -m refunds import_returns -",
        ),
        (b"%PDF-1.7", "is a PDF"),
        (b"<html><table>", "is HTML or XML, whatever its name says"),
        (b'<?xml version="1.0"?>', "is HTML or XML"),
        (json.dumps([dict(GOOD)]).encode(), "is JSON, not CSV: import it with --format jsonl"),
    ],
)
def test_the_cause_and_the_option_are_named(data: bytes, message: str) -> None:
    """The file is refused as a whole."""
    with pytest.raises(BadFile) as caught:
        read(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "options"),
    [
        (SEMICOLONS, ("--separator", "semicolon")),
        (SEMICOLONS, ("--separator", ";")),
        (b"sep=;\r\n" + SEMICOLONS, ("--separator", "semicolon")),
        (GOOD_FILE.replace(b",", b"\t"), ("--separator", "tab")),
        (GOOD_FILE.decode().encode("utf-16"), ("--encoding", "utf-16")),
        (GOOD_FILE.decode().encode("utf-16-le"), ("--encoding", "utf-16-le")),
        (GOOD_FILE.decode().encode("utf-16-be"), ("--encoding", "UTF-16BE")),
        (csv_file(line(reason="zu groß").replace("ß", "?")).replace(b"?", b"\xdf"), ("--encoding", "cp1252")),
        (csv_file(line(amount="12,50")).replace(b'"12,50"', b"12,50").replace(b",", b";").replace(b"12;50", b"12,50"),
         ("--separator", "semicolon", "--decimal", ",")),
        (json.dumps([dict(GOOD)], indent=2).encode(), ("--format", "jsonl")),
        (json.dumps([dict(GOOD)], indent=2).encode("utf-16"), ("--format", "jsonl", "--encoding", "utf-16")),
    ],
)  # fmt: skip
def test_the_named_option_reads_the_file(tmp_path: Path, data: bytes, options: tuple[str, ...]) -> None:
    """The option of the message works as it is written."""
    (tmp_path / "a.csv").write_bytes(data)
    assert run(tmp_path / "a.csv", *options)[1:] == ("", "")
    request = ReturnRequest.objects.get()
    assert (request.amount_minor, request.reason) in {(1250, "too small"), (1250, "zu groß")}


@pytest.mark.django_db
def test_wrong_option_is_named(tmp_path: Path) -> None:
    """It is refused before the file is read."""
    for options, message in (
        (("--encoding", "utf-9"), "encoding 'utf-9' is not known"),
        (("--separator", ":"), "separator is ':'; write one of comma"),
        (("--decimal", ";"), "decimal is ';'"),
        (("--layout", "none"), "there is no layout 'none'"),
    ):
        assert message in run(tmp_path / "none.csv", *options)[2]


def test_byte_of_windows_1252_names_the_encoding() -> None:
    """The message does so for a row and for the header."""
    (message,) = messages(read(csv_file(line(reason="?")).replace(b"?", b"\xdf")))
    assert message.endswith("; if the file is in Windows-1252, import it with --encoding cp1252")
    with pytest.raises(BadFile, match=r"no header that can be read: not UTF-8: byte 0xdf .* --encoding cp1252"):
        read(b"Gr\xdfnd,\n")


def test_incomplete_utf_16_is_refused() -> None:
    """The file ends with half a character."""
    source = Source(io.BytesIO(GOOD_FILE.decode().encode("utf-16")[:-1]), "returns")
    source.decode_from("utf-16")
    with pytest.raises(BadFile, match=r"returns is not utf-16.*, in which it is read: truncated data"):
        list(source.pieces())


def test_utf_16_has_the_same_lines_as_utf_8() -> None:
    """A long line is read in pieces, and ends at its own end."""
    text = "é\n" * 3 + "x" * 200_000 + "\n\u0a0a\u0d0a\n" + "end"
    source = Source(io.BytesIO(text.encode("utf-16")), "returns")
    source.decode_from("utf-16")
    pieces = list(source.pieces())
    assert b"".join(pieces).decode() == text
    assert max(map(len, pieces)) <= 64 * 1024
    assert all(b"\n" not in piece[:-1] for piece in pieces)
    assert source.bytes_read == len(text.encode("utf-16"))


OTHER = {**GOOD, "order_line": "1001/2"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([dict(GOOD), OTHER]),
        json.dumps([dict(GOOD), OTHER], indent=2),
        f"[{json.dumps(dict(GOOD))},\n{json.dumps(OTHER)}]",
        f"[\n{json.dumps(dict(GOOD))},\n{json.dumps(OTHER)}\n]\n",
        f"{json.dumps(dict(GOOD), indent=2)}\n{json.dumps(OTHER, indent=2)}\n",
        f"[{json.dumps(dict(GOOD))}]\n[{json.dumps(OTHER)}]",
    ],
)
def test_json_document_is_read_whole(text: str) -> None:
    """Both rows are read from a list on one line or many, and from objects one after the other."""
    found = read(text.encode(), form=Format.JSONL)
    assert [row.content.order_line for row in taken(found)] == ["1001/1", "1001/2"]
    assert messages(found) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"[\n{json.dumps(dict(GOOD))},\n{json.dumps(OTHER)}\n", "one JSON document with an error, and nothing of it"),
        (f"[{json.dumps(dict(GOOD))},]", "A comma before the end of the list at line 1, column"),
        (f"[{json.dumps(dict(GOOD))} {json.dumps(OTHER)}]", "Expecting ',' or the end of the list"),
        (f"[{json.dumps(dict(GOOD))}, x]", "Expecting value"),
        (f"[{json.dumps(dict(GOOD))}", "Expecting ',' or the end of the list"),
        ("[" * 100_000, "nested too deeply"),
        ("{\n" + '"order_line": "x"', "one JSON document with an error"),
    ],
)
def test_json_document_with_an_error_is_refused_whole(text: str, message: str) -> None:
    """No row of it is imported, wherever the error is."""
    with pytest.raises(BadFile) as caught:
        read(text.encode(), form=Format.JSONL)
    assert message in str(caught.value)


def test_bad_row_of_a_document_is_rejected_alone() -> None:
    """The message names the line on which the row begins."""
    text = json.dumps([dict(GOOD), {**GOOD, "amount": "x"}, 5, dict(GOOD)], indent=2)
    found = read(text.encode(), form=Format.JSONL)
    assert messages(found) == ["line 12: amount 'x' is not a number", "line 22: a row is a JSON object, not '5'"]
    assert len(taken(found)) == 2


def test_document_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to write a row per line."""
    monkeypatch.setattr(json_rows, "LARGEST_DOCUMENT", 100)
    with pytest.raises(BadFile, match=r"of more than 100 bytes, and nothing of it was imported: write a row per line"):
        read(json.dumps([dict(GOOD)]).encode(), form=Format.JSONL)
