"""Files in another format: the cause is named, with the option that reads the file."""

import gzip
import io
import json
import re
from pathlib import Path

import pytest

from refunds.importing.files import BadFile
from refunds.importing.reading import Source
from refunds.models import ReturnRequest

from .files import GOOD, HEADER, ONLINE, csv_file, line, read, refusal, rejection, run, write

pytestmark = pytest.mark.django_db
GOOD_FILE = csv_file(line())
TEXT = GOOD_FILE.decode()
SEMICOLONS = GOOD_FILE.replace(b",", b";")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (SEMICOLONS, "separates its columns with ';', not with ',' as layout own does: import it with --separator sem"),
        (ONLINE.encode(), "not the header of layout own: missing 'order_line', 'amount', "),
        (ONLINE.encode(), "; this looks like --layout online-retail"),
        (GOOD_FILE.replace(b",", b"\t"), r"separates its columns with '\t', not with ','"),
        (GOOD_FILE.replace(b",", b"|"), "import it with --separator pipe"),
        (b"sep=;\r\n" + SEMICOLONS, "begins with Excel's line sep=, which says how the columns are separated: import"),
        (b'"sep=;"\n' + SEMICOLONS, "--separator semicolon"),
        (TEXT.encode("utf-16"), "is UTF-16: import it with --encoding utf-16"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "is UTF-16: import it with --encoding utf-16"),
        (TEXT.encode("utf-16-le"), "is UTF-16 without a byte order mark: import it with --encoding utf-16-le"),
        (TEXT.encode("utf-16-be"), "import it with --encoding utf-16-be"),
        (TEXT.encode("utf-32"), "is UTF-32: save it as UTF-8"),
        (GOOD_FILE.replace(b"\n", b"\r"), "ends its lines with CR alone, as old Macs do: tr "),
        (csv_file(*[line()] * 2_000, end="\r"), "ends its lines with CR alone"),
        (csv_file(f"{line()},", header=f"{HEADER},"), "has no name for column 9: its first line has a separator too"),
        (csv_file(f"{line()},,", header=f"{HEADER}, ,"), "has no name for column 9, 10"),
        (b"PK\x03\x04rest", "is a workbook (.xlsx, .ods) or a ZIP archive: open it in a spreadsheet and save it as"),
        (b"\xd0\xcf\x11\xe0rest", "is an old workbook (.xls)"),
        (gzip.compress(GOOD_FILE), "is compressed with gzip: gunzip -c FILE | python -m refunds import_returns -"),
        (b"%PDF-1.7", "is a PDF"),
        (b"<html><table>", "is HTML or XML, whatever its name says"),
        (b'<?xml version="1.0"?>', "is HTML or XML"),
        (json.dumps([dict(GOOD)], indent=2).encode(), "is JSON, not CSV: import it with --format jsonl"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_cause_and_option_are_named(tmp_path: Path, data: bytes, message: str) -> None:
    """The file is refused as a whole. An option of the message works as it is written."""
    found = refusal(data)
    assert message in found
    if option := re.search(r"--(separator|encoding|format|layout) \S+$", found):
        assert run(write(tmp_path, data), *option[0].split())[1:] == ("", "")
        assert ReturnRequest.objects.get().amount_minor == (1980 if data == ONLINE.encode() else 1250)
    else:
        assert " with --" not in found


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (SEMICOLONS, ("--separator", ";")),
        (TEXT.encode("utf-16-be"), ("--encoding", "UTF-16BE")),
        (csv_file(line(reason="zu groß")).decode().encode("cp1252"), ("--encoding", "cp1252")),
        (SEMICOLONS.replace(b"12.50", b"12,50"), ("--separator", "semicolon", "--decimal", ",")),
        (json.dumps([dict(GOOD)], indent=2).encode("utf-16"), ("--format", "jsonl", "--encoding", "utf-16")),
    ],
)
def test_options_read_the_file(tmp_path: Path, data: bytes, options: tuple[str, ...]) -> None:
    """Each has several spellings, and two go together."""
    assert run(write(tmp_path, data), *options)[1:] == ("", "")
    request = ReturnRequest.objects.get()
    assert (request.amount_minor, request.reason) in {(1250, "too small"), (1250, "zu groß")}


def test_wrong_option_is_named(tmp_path: Path) -> None:
    """It is refused before the file is read."""
    for option, value, message in (
        ("--encoding", "utf-9", "encoding 'utf-9' is not known"),
        ("--separator", ":", "separator is ':'; write one of comma"),
        ("--decimal", ";", "decimal is ';'"),
        ("--layout", "none", "there is no layout 'none'"),
    ):
        assert message in run(tmp_path / "none.csv", option, value)[2]


def test_byte_of_windows_1252_names_the_encoding() -> None:
    """The message does so for a row and for the header."""
    message = rejection(csv_file(line(reason="?")).replace(b"?", b"\xdf"))
    assert message.endswith("; if the file is in Windows-1252, import it with --encoding cp1252")
    with pytest.raises(BadFile, match=r"no header that can be read: not UTF-8: byte 0xdf .* --encoding cp1252"):
        read(b"Gr\xdfnd,\n")


def wide(data: bytes) -> Source:
    source = Source(io.BytesIO(data), "returns")
    source.decode_from("utf-16")
    return source


def test_incomplete_utf_16_is_refused() -> None:
    """The file ends with half a character."""
    with pytest.raises(BadFile, match=r"returns is not utf-16.*, in which it is read: truncated data"):
        list(wide(TEXT.encode("utf-16")[:-1]).pieces())


def test_utf_16_has_the_same_lines_as_utf_8() -> None:
    """A long line is read in pieces, and ends at its own end."""
    text = "é\n" * 3 + "x" * 200_000 + "\n\u0a0a\u0d0a\n" + "end"
    source = wide(text.encode("utf-16"))
    pieces = list(source.pieces())
    assert b"".join(pieces).decode() == text
    assert max(map(len, pieces)) <= 64 * 1024
    assert all(b"\n" not in piece[:-1] for piece in pieces)
    assert source.bytes_read == len(text.encode("utf-16"))
