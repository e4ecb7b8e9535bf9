"""Check whether a mail can be written to an e-mail address."""

import re
import unicodedata
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Final

from .invisible import invisible

# Characters of the longest domain, in the form that DNS has (RFC 1035, 2.3.4, without the last dot).
_LONGEST_DOMAIN: Final = 253
# A label of DNS (RFC 1123, 2.1). A bare `xn--` ends with a hyphen, so it is not a label.
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII | re.IGNORECASE)
# An address literal such as [192.0.2.1] (RFC 5321, 4.1.3).
_LITERAL: Final = re.compile(r"\[[0-9a-f:.]+]", re.ASCII | re.IGNORECASE)
# Nearly every address matches these and has no problem. That saves the parser, which takes some 50 microseconds.
_ATOM: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN: Final = re.compile(
    rf"{_ATOM}(\.{_ATOM})*@(?!.{{{_LONGEST_DOMAIN + 1}}}){_LABEL.pattern}(\.{_LABEL.pattern})*",
    re.ASCII | re.IGNORECASE,
)


def problem(address: str) -> str | None:
    """Return why no mail can be written to the address, or None.

    Without SMTPUTF8 (RFC 6531), an address needs ASCII before the `@` and a domain that IDNA can encode. For any other
    address, Django's mail code raises an error, or writes to another address.
    """
    if _PLAIN.fullmatch(address):
        return None
    if found := invisible(address):
        position, character = found
        return f"holds the invisible character {character} at position {position}"
    local, _, domain = address.rpartition("@")
    if not (local and domain):
        return "is not an e-mail address"
    if not local.isascii():
        return "is not ASCII before the @, and mail servers take that only with SMTPUTF8, which is not supported"
    return _domain_problem(domain) or _syntax_problem(local, domain.encode("idna").decode("ascii"))


def _domain_problem(domain: str) -> str | None:
    try:
        encoded = domain.encode("idna").decode("ascii")
        # This fails if the result only looks encoded: xn--ß becomes xn--ss.
        decoded = domain if domain.isascii() else encoded.encode().decode("idna")
    except UnicodeError as error:
        return f"has a domain that IDNA cannot encode: {error.__cause__ or error}"
    is_name = len(encoded) <= _LONGEST_DOMAIN and all(map(_LABEL.fullmatch, encoded.split(".")))
    if not is_name and not _LITERAL.fullmatch(encoded):
        return "has a domain that is no name in DNS"
    if not domain.isascii() and decoded != unicodedata.normalize("NFC", domain).lower():
        # Python has IDNA 2003, which writes straße.example as strasse.example, another owner's domain.
        return f"has a domain that IDNA writes as another one, {encoded}; give the domain as DNS has it (xn--)"
    return None


def _syntax_problem(local: str, domain: str) -> str | None:
    try:
        parsed = Address(addr_spec=f"{local}@{domain}")
    except (HeaderParseError, ValueError, IndexError, AttributeError) as error:  # Python's own parser raises each
        return f"is not an e-mail address: {error}"
    return None if parsed.username else "is not an e-mail address"
