"""JSON: a line for each row, or one document."""

import json

import pytest

from refunds.importing import json_rows
from refunds.importing.files import Format

from .files import GOOD, content, csv_file, jsonl_file, line, messages, read, refusal, taken

GOOD_JSON, OTHER = json.dumps(dict(GOOD)), json.dumps({**GOOD, "order_line": "1001/2"})


def row_with(column: str, literal: str) -> bytes:
    """The good row with a literal of JSON for one column."""
    cells = {name: json.dumps(value) for name, value in GOOD.items()} | {column: literal}
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in cells.items()) + "}\n").encode()


def test_same_content_has_the_same_key_in_either_format() -> None:
    """A row of CSV is known when it comes as JSON, with text or numbers. These are read digit for digit."""
    assert content(row_with("amount", "90071992547409.93"), form=Format.JSONL).amount_minor == 9007199254740993
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
        *((row_with("amount", bad), f"amount '{bad}' is not a number") for bad in ("NaN", "-Infinity")),
        (row_with("amount", "true"), "amount must be a number or text, not true or false"),
        (row_with("amount", "null"), "amount is missing"),
        (row_with("amount", "1" * 10_000), "amount '1111"),
        *(
            (row_with("amount", bad), f"amount '{bad}' is written with an exponent")
            for bad in ("1e999999999999999999999", "1e3", "1.5e1", "1E400")
        ),
        (row_with("amount", "10.000"), "amount 10.000 has 3 decimals, and GBP has 2 decimals; the dot may be a thou"),
        *((row_with("quantity", bad), f"quantity '{bad}' is not a whole number") for bad in ("1e3", "1.0")),
        (row_with("reason", "5"), "reason must be text, not a number"),
        *((row_with("reason", bad), "reason must be text, not a list") for bad in ('["x"]', "[" * 500 + "]" * 500)),
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
    row = content(jsonl_file({**kept, "customer_email": None}), form=Format.JSONL)
    assert (row.reason, row.customer, row.customer_email) == ("", "", "")


def test_last_line_needs_no_line_break() -> None:
    """An object that is cut off is not JSON. A file of blank lines is empty."""
    assert len(taken(read(GOOD_JSON.encode(), form=Format.JSONL))) == 1
    assert len(messages(read(GOOD_JSON.encode()[:-1], form=Format.JSONL))) == 1
    assert refusal(b"\n\n", form=Format.JSONL).startswith("returns is empty")


@pytest.mark.parametrize(
    "text",
    [
        f"[{GOOD_JSON}, {OTHER}]",
        json.dumps([json.loads(GOOD_JSON), json.loads(OTHER)], indent=2),
        f"[{GOOD_JSON},\n{OTHER}]",
        f"[\n{GOOD_JSON},\n{OTHER}\n]\n",
        "".join(f"{json.dumps(json.loads(row), indent=2)}\n" for row in (GOOD_JSON, OTHER)),
        f"[{GOOD_JSON}]\n[{OTHER}]",
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
        (f"[\n{GOOD_JSON},\n{OTHER}\n", "one JSON document with an error, and nothing of it"),
        (f"[{GOOD_JSON},]", "A comma before the end of the list at line 1, column"),
        (f"[{GOOD_JSON} {OTHER}]", "Expecting ',' or the end of the list"),
        (f"[{GOOD_JSON}, x]", "Expecting value"),
        (f"[{GOOD_JSON}", "Expecting ',' or the end of the list"),
        ("[" * 100_000, "nested too deeply"),
        ("{\n" + '"order_line": "x"', "one JSON document with an error"),
    ],
)
def test_json_document_with_an_error_is_refused_whole(text: str, message: str) -> None:
    """No row of it is imported, wherever the error is."""
    assert message in refusal(text.encode(), form=Format.JSONL)


def test_bad_row_of_a_document_is_rejected_alone() -> None:
    """The message names the line on which the row begins."""
    text = json.dumps([dict(GOOD), {**GOOD, "amount": "x"}, 5, dict(GOOD)], indent=2)
    found = read(text.encode(), form=Format.JSONL)
    assert messages(found) == ["line 12: amount 'x' is not a number", "line 22: a row is a JSON object, not '5'"]
    assert len(taken(found)) == 2


def test_document_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to write a row per line."""
    monkeypatch.setattr(json_rows, "LARGEST_DOCUMENT", 100)
    message = refusal(f"[{GOOD_JSON}]".encode(), form=Format.JSONL)
    assert "of more than 100 bytes, and nothing of it was imported: write a row per line" in message
