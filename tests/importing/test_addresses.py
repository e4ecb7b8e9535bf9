"""An import takes only addresses that a mail can be written to."""

import pytest

from refunds.importing.files import Format

from ..text.test_addresses import UNWRITABLE, WRITABLE
from .files import GOOD, jsonl_file, messages, read, taken


@pytest.mark.parametrize("address", UNWRITABLE, ids=ascii)
def test_unwritable_address_rejects_its_row(address: str) -> None:
    """The message names the line, the column and the address."""
    (message,) = messages(read(jsonl_file({**GOOD, "customer_email": address}), form=Format.JSONL))
    assert message.startswith("line 1: customer_email ")
    assert UNWRITABLE[address] in message or "is longer than 254 characters" in message


@pytest.mark.parametrize("address", WRITABLE, ids=ascii)
def test_writable_address_is_taken(address: str) -> None:
    """Quoted, in a domain of other letters, or an address literal."""
    (row,) = taken(read(jsonl_file({**GOOD, "customer_email": address}), form=Format.JSONL))
    assert row.content.customer_email == address
