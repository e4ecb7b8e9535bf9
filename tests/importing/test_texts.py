"""Ids that look the same are the same, and addresses can be written to."""

import pytest

from refunds.importing.files import Format
from refunds.models import ReturnRequest

from ..text.test_addresses import UNWRITABLE, WRITABLE
from .files import GOOD, content, imported, jsonl_file, rejection

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


@pytest.mark.parametrize("address", UNWRITABLE, ids=ascii)
def test_unwritable_address_rejects_its_row(address: str) -> None:
    """The message names the line, the column and the address."""
    message = rejection(jsonl_file({**GOOD, "customer_email": address}), form=Format.JSONL)
    assert message.startswith("line 1: customer_email ")
    assert UNWRITABLE[address] in message or "is longer than 254 characters" in message


@pytest.mark.parametrize("address", WRITABLE, ids=ascii)
def test_writable_address_is_taken(address: str) -> None:
    """It is quoted, in a domain of other letters, or an address literal."""
    assert content(jsonl_file({**GOOD, "customer_email": address}), form=Format.JSONL).customer_email == address
