"""JSON lines."""

import json

import pytest

from refunds.importing.files import BadFile, Format

from .files import GOOD, csv_file, jsonl_file, line, messages, read, taken

GOOD_JSON = json.dumps(dict(GOOD))


def row_with(column: str, literal: str) -> bytes:
    """The good row with a literal of JSON for one column."""
    cells = {name: json.dumps(value) for name, value in GOOD.items()} | {column: literal}
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in cells.items()) + "}\n").encode()


def test_numbers_are_read_digit_for_digit() -> None:
    """An amount that a float would change is exact."""
    (row,) = taken(read(row_with("amount", "90071992547409.93"), form=Format.JSONL))
    assert row.content.amount_minor == 9007199254740993


def test_the_same_content_has_the_same_key_in_either_format() -> None:
    """A row of CSV is known when it comes as JSON, with numbers or with text."""
    wanted = [row.key for row in taken(read(csv_file(line())))]
    for column, literal in (("amount", "12.5"), ("amount", '"12.50"'), ("quantity", "2"), ("quantity", '" 2 "')):
        assert [row.key for row in taken(read(row_with(column, literal), form=Format.JSONL))] == wanted


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{", "not JSON: Expecting property name"),
        (b"[1]", "a row is a JSON object, not '[1]'"),
        (b"nonsense", "not JSON: Expecting value at character 1"),
        (b"[" * 100_000, "not a row: JSON nested too deeply"),
        (b'{"a":' * 20_000, "not a row: JSON nested too deeply"),
        (b'{"extra": 1}', "unknown column 'extra'; known are order_line"),
        (b'{"amount": 1, "amount": 2}', "'amount' is given twice"),
        (b'{"reason": {"x": 1, "x": 2}}', "'x' is given twice"),
        (b"{}", "currency is missing"),
        (row_with("amount", "NaN"), "amount 'NaN' is not a number"),
        (row_with("amount", "-Infinity"), "amount '-Infinity' is not a number"),
        (row_with("amount", "true"), "amount must be a number or text, not true or false"),
        (row_with("amount", "null"), "amount is missing"),
        (row_with("amount", "1" * 10_000), "amount '1111"),
        (row_with("amount", "1e999999999999999999999"), "amount '1e999999999999999999999' is written with an exponent"),
        (row_with("amount", "1e3"), "amount '1e3' is written with an exponent"),
        (row_with("amount", "1.5e1"), "amount '1.5e1' is written with an exponent"),
        (row_with("amount", "1E400"), "amount '1E400' is written with an exponent"),
        (row_with("amount", "10.000"), "amount 10.000 has 3 decimals, and GBP has 2 decimals; the dot may be a thou"),
        (row_with("quantity", "1e3"), "quantity '1e3' is not a whole number"),
        (row_with("quantity", "1.0"), "quantity '1.0' is not a whole number"),
        (row_with("reason", "5"), "reason must be text, not a number"),
        (row_with("reason", '["x"]'), "reason must be text, not a list"),
        (row_with("reason", "[" * 500 + "]" * 500), "reason must be text, not a list"),
        (row_with("reason", "{}"), "reason must be text, not an object"),
        (row_with("reason", r'"a\u0000b"'), "reason holds a NUL"),
        (row_with("reason", r'"\ud800"'), "reason holds half a surrogate pair, which is no character"),
        (row_with("reason", '"?"').replace(b"?", b"\xed\xa0\x80"), "not UTF-8: byte 0xed at byte"),
        (row_with("reason", '"' + "x" * 10_000_000 + '"'), "the row is longer than 131,071 bytes (10,000,"),
    ],
    ids=lambda value: value[:30] if isinstance(value, bytes) else "",
)
def test_bad_line_is_rejected_alone(bad: bytes, reason: str) -> None:
    """A line that is not an object of the known columns is rejected; the lines around it are imported."""
    found = read(jsonl_file(GOOD) + bad.rstrip(b"\n") + b"\n\n" + jsonl_file(GOOD), form=Format.JSONL)
    (message,) = messages(found)
    assert message.startswith(f"line 2: {reason}")
    assert [row.line for row in taken(found)] == [1, 4]


def test_absent_and_null_texts_are_empty() -> None:
    """An optional column can be absent or null."""
    kept = {name: value for name, value in GOOD.items() if name not in {"reason", "customer"}}
    (row,) = taken(read(jsonl_file({**kept, "customer_email": None}), form=Format.JSONL))
    assert (row.content.reason, row.content.customer, row.content.customer_email) == ("", "", "")


def test_last_line_needs_no_line_break() -> None:
    """An object that is cut off is not JSON."""
    assert len(taken(read(GOOD_JSON.encode(), form=Format.JSONL))) == 1
    assert len(messages(read(GOOD_JSON.encode()[:-1], form=Format.JSONL))) == 1


def test_empty_file_is_refused() -> None:
    """A file of blank lines is empty."""
    with pytest.raises(BadFile, match="returns is empty"):
        read(b"\n\n", form=Format.JSONL)
