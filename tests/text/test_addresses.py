"""The e-mail addresses that a mail can be sent to."""

import pytest

from refunds.text import addresses

UNWRITABLE = {
    "a@\u200b.example": "holds the invisible character U+200B (ZERO WIDTH SPACE) at position 3",
    "a@exam\u200bple.com": "holds the invisible character U+200B (ZERO WIDTH SPACE) at position 7",
    "zoë@b.example": "is not ASCII before the @, and mail servers take that only with SMTPUTF8",
    f"a@{'x' * 64}.example": "has a domain that IDNA cannot encode",
    f"a@{'ü' * 60}.example": "has a domain that IDNA cannot encode",
    "a@b..example": "has a domain that IDNA cannot encode",
    "a@b.example.": "has a domain that is no name in DNS",
    f"a@{'.'.join(['x' * 60] * 5)}": "has a domain that is no name in DNS",
    "a@xn--": "has a domain that is no name in DNS",
    "a@-b.example": "has a domain that is no name in DNS",
    "a@straße.example": "has a domain that IDNA writes as another one, strasse.example",
    "a@xn--ß.example": "has a domain that IDNA cannot encode",
    "\\@[a.-@\u0301.example": "is not an e-mail address",
    "a@\uff42.example": "has a domain that IDNA writes as another one, b.example",
    '"a\nb"@b.example': "holds the invisible character U+000A (a control character) at position 3",
    '"a\tb"@b.example': "holds the invisible character U+0009 (a control character) at position 3",
    '""@b.example': "is not an e-mail address",
    "a b@c.example": "is not an e-mail address",
    "a@b@c.example": "is not an e-mail address",
    "a@": "is not an e-mail address",
    "a": "is not an e-mail address",
}
WRITABLE = [
    "ann@example.com",
    "o'brien+returns@shop.example",
    '"a,b"@b.example',
    '"a@b"@c.example',
    "a@bücher.example",
    "a@BÜCHER.example",
    "a@xn--bcher-kva.example",
    "a@xn--strae-oqa.example",
    "a@[192.0.2.1]",
    "a@localhost",
]


@pytest.mark.parametrize("address", UNWRITABLE, ids=ascii)
def test_unwritable_address_has_its_reason(address: str) -> None:
    """Each kind of problem has its own text."""
    found = addresses.problem(address)
    assert found is not None
    assert found.startswith(UNWRITABLE[address])


@pytest.mark.parametrize("address", WRITABLE, ids=ascii)
def test_writable_address_has_no_problem(address: str) -> None:
    """A quoted local part, an internationalised domain and an address literal are accepted."""
    assert addresses.problem(address) is None
