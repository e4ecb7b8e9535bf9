"""Records out of bytes: lines, quotes, encodings, and what is too long."""

import csv
import io
from collections.abc import Iterator
from typing import Literal
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds.importing.files import OWN, Source, rows
from refunds.importing.formats import Format
from refunds.importing.reading import LONGEST_RECORD, Record, records

from .files import HEADER, NOW, csv_file, line, messages, read, refusal, rejection, taken


@given(
    table=st.lists(st.lists(st.text('a,"\r\n \u00e9', max_size=5), min_size=1, max_size=4), max_size=8),
    quote_all=st.booleans(),
)
def test_records_end_where_csv_says_they_end(table: list[list[str]], quote_all: bool) -> None:
    """Each record that csv wrote, with line breaks and quotes in it, is found whole; blank ones are skipped."""
    quoting: Literal[0, 1] = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    data = b""
    wanted = []
    for row in table:
        written = io.StringIO(newline="")
        csv.writer(written, quoting=quoting).writerow(row)
        data += written.getvalue().encode()
        wanted += [row] if written.getvalue().strip('," \r\n') else []
    found = [each for each in records(Source(io.BytesIO(data), "x"), separator=",") if isinstance(each, Record)]
    assert [next(csv.reader([each.data.decode()], strict=True)) for each in found] == wanted


def test_records_have_their_physical_lines() -> None:
    """After a field of three lines and a blank line, an editor shows the same numbers."""
    found = read(csv_file(line(reason="a\nb\nc"), "", line(), "short"))
    assert [each.line for each in found] == [2, 6, 7]
    assert messages(found) == ["line 7: 1 cells where the header has 8"]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_mark_and_carriage_returns_make_no_difference(bom: bytes, end: str) -> None:
    """A file that a spreadsheet saved has the same rows with the same keys."""
    assert read(bom + csv_file(line(), end=end)) == read(csv_file(line()))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (line(reason="?").encode().replace(b"?", b"\xff"), "not UTF-8: byte 0xff at byte 20 of the row"),
        (line(reason="a\x00b").encode(), "the row holds a NUL"),
        (line().encode() + b",more", "9 cells where the header has 8"),
        (b'1001/1,"2"x' + b",y" * 6, "the row is not CSV: ',' expected after '\"'"),
        (line().encode().replace(b"too", b"to\ro"), "the row is not CSV: new-line character seen in unquoted field"),
        (line(reason="x" * LONGEST_RECORD).encode(), "the row is longer than 131,071 bytes (131,1"),
        # Lines in a quoted field of any length are never rows.
        (line(reason="\n".join([line()] * 5000)).encode(), "the row, up to line 5002, is longer than 131,071 bytes"),
    ],
)
def test_broken_row_is_rejected_alone(broken: bytes, reason: str) -> None:
    """The rows before and after it are imported."""
    found = read(csv_file(line()) + broken + b"\n" + line(order_line="after").encode() + b"\n")
    (message,) = messages(found)
    assert message.startswith(f"line 3: {reason}")
    assert [row.content.order_line for row in taken(found)] == ["1001/1", "after"]


def test_field_of_ten_megabytes_is_not_kept_in_memory() -> None:
    """Its row is rejected, and the next row has the right line."""

    def pieces() -> Iterator[bytes]:
        yield HEADER.encode() + b"\n"
        yield b'1001/1,2,12.50,GBP,"'
        yield from (b'say ""no"", x' * 10 + b"\n" for _ in range(75_000))
        yield b'",c,,2026-07-15T09:00:00Z\n'
        yield line().encode() + b"\n"

    made = pieces()
    stream = Mock(spec=["readline"], readline=Mock(side_effect=lambda _size: next(made, b"")))
    found = list(rows(Source(stream, "x"), layout=OWN, form=Format.CSV, now=NOW))
    assert messages(found) == ["line 2: the row, up to line 75002, is longer than 131,071 bytes (9,825,046)"]
    assert [row.line for row in taken(found)] == [75_003]
    assert max(call.args[0] for call in stream.readline.call_args_list) <= LONGEST_RECORD


@pytest.mark.parametrize("lines", [3, 20_000])
def test_quote_that_is_never_closed_is_named_with_its_extent(lines: int) -> None:
    """The rest of the file is not read as rows, and the message says so."""
    found = read(csv_file(line(), '1001/1,2,12.50,GBP,"no end', *[line()] * lines))
    assert len(taken(found)) == 1
    (message,) = messages(found)
    assert message.startswith("line 3: a quoted field is never closed: everything up to the end of the file (line ")
    assert f" (line {lines + 3}) is inside it and was not read as rows; close the quote and import the" in message


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "returns is empty; the columns of layout own are order_line, quantity, amount, currency, requested_at"),
        (b"\xef\xbb\xbf", "returns is empty"),
        (b"\n \r\n", "returns is empty"),
        (b"a,b\n", "not the header of layout own: missing 'order_line', 'quantity', 'amount', 'currency', 'requested"),
        (HEADER.replace("reason", "why").encode(), "returns has not the header of layout own: unknown 'why'"),
        (HEADER.encode() + b",amount\n", "returns has not the header of layout own: doubled 'amount'"),
        ("order_line".encode("utf-16"), "returns is UTF-16: import it with --encoding utf-16"),
        (b"x" * LONGEST_RECORD * 2, "returns has no header that can be read: the row is longer than"),
        (b'"x\n', "returns has no header that can be read: a quoted field is never closed"),
    ],
)
def test_file_without_its_header_is_refused_in_one_line(data: bytes, reason: str) -> None:
    """The message names the columns that are missing, unknown or doubled. A file of only a header is empty."""
    assert reason in refusal(data)
    assert read(csv_file()) == []


@pytest.mark.parametrize("last", ["reason", "amount", "customer_email", "quantity", "order_line", "customer"])
def test_last_line_that_can_be_cut_off_is_rejected(last: str) -> None:
    """12 can be the beginning of 12.50. With its line break the row is imported."""
    cells = {"requested_at": "2026-07-15T09:00:00Z", "currency": "GBP", "order_line": "x", "quantity": "1"}
    cells |= {"amount": "12", "reason": "r", "customer": "c", "customer_email": "a@b.example"}
    order = [name for name in cells if name != last] + [last]
    data = f"{','.join(order)}\n{','.join(cells[name] for name in order)}".encode()
    assert rejection(data).startswith(
        f"line 2: the file ends without a line break, so that {last} '{cells[last]}' may be cut"
    )
    assert len(taken(read(data + b"\n"))) == 1


def test_last_line_that_cannot_be_cut_off_needs_no_line_break() -> None:
    """A time with its whole offset is whole, and one with half of it is invalid."""
    data = csv_file(line()).rstrip()
    assert len(taken(read(data))) == 1
    assert [len(messages(read(data[:-cut]))) for cut in range(1, 7)] == [1] * 6
