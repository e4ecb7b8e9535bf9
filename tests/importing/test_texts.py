"""Ids that look the same are the same, and addresses can be written to."""

import pytest

from refunds.importing.files import Format
from refunds.models import ReturnRequest

from ..text.test_addresses import UNWRITABLE, WRITABLE
from .files import GOOD, imported, jsonl_file, messages, read, rejection, taken

COMPOSED, DECOMPOSED = "Zo\u00eb", "Zoe\u0308"


@pytest.mark.parametrize("column", ["order_line", "customer", "return_id", "payment", "customer_email"])
def test_invisible_character_is_named_with_its_position(column: str) -> None:
    """Each column with an id or an address is checked."""
    for character, name in (("\u200b", "U+200B (ZERO WIDTH SPACE)"), ("\ud800", "U+D800 (half a surrogate pair)")):
        message = rejection(jsonl_file({**GOOD, column: f"ann{character}a@example.com"}), form=Format.JSONL)
        assert message.endswith(f"holds the invisible character {name} at position 4")
        assert message.startswith(f"line 1: {column} ")


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["order_line", "return_id"])
def test_encoding_of_a_letter_and_white_space_make_no_other_return(column: str) -> None:
    """Facts and ids are stored in NFC, without white space, such as a no-break space and an ideographic space."""
    good = {**GOOD, "return_id": "R-1", column: COMPOSED}
    assert imported(jsonl_file(good), Format.JSONL) == (1, 0, 0)
    for again in (DECOMPOSED, f"\u00a0{COMPOSED}\u3000\t"):
        assert imported(jsonl_file({**good, column: again}), Format.JSONL) == (0, 1, 0)
        assert imported(jsonl_file({**good, column: again, "return_id": ""}), Format.JSONL) == (0, 1, 0)
    assert getattr(ReturnRequest.objects.get(), column) == COMPOSED


def test_address_is_taken_if_a_mail_can_be_written_to_it() -> None:
    """The message about another one names the line and the column."""
    rows = [{**GOOD, "customer_email": address} for address in (*WRITABLE, *UNWRITABLE)]
    found = read(jsonl_file(*rows), form=Format.JSONL)
    assert [row.content.customer_email for row in taken(found)] == [*WRITABLE]
    lines = range(len(WRITABLE) + 1, len(rows) + 1)
    for line, message, address in zip(lines, messages(found), UNWRITABLE, strict=True):
        assert message.startswith(f"line {line}: customer_email ")
        assert UNWRITABLE[address] in message or "is longer than 254 characters" in message
