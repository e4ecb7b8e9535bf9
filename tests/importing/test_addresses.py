"""An import takes only addresses that a mail can be written to."""

import pytest

from refunds.importing.files import Format

from ..text.test_addresses import UNWRITABLE, WRITABLE
from .files import GOOD, content, jsonl_file, rejection


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
