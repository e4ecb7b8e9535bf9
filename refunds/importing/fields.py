"""Check the values of a row's columns, each on its own. Every function raises BadRow with the column's name."""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Context, Decimal
from functools import cache
from typing import Final, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Field

from ..domain.money import EXPONENTS
from ..models import ReturnRequest
from ..text import addresses
from ..text.invisible import invisible
from .amounts import BadAmount, to_minor, too_fine
from .errors import BadRow, shown

Cells = Mapping[str, str]

# Characters. The column has no limit, but a longer reason is a mistake in the file, and memory holds 5,000 rows.
LONGEST_REASON: Final = 10_000
# The largest value of PostgreSQL's integer, the type of Django's PositiveIntegerField.
LARGEST_QUANTITY: Final = 2**31 - 1
# Characters of a number, more than any amount has. Decimal and int are slow on longer ones.
_LONGEST_NUMBER: Final = 64
# Digits: enough for the product of a price and a quantity of that length, so that nothing is rounded.
_EXACT: Final = Context(prec=200)

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# The accepted form of a number. It allows a minus, so that the message can say that the amount is negative.
_DIGITS: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WHOLE: Final = re.compile(r"-?\d+", re.ASCII)


@cache
def longest(field: str) -> int:
    """Return how many characters a column of return requests holds."""
    return cast("Field[object, object]", ReturnRequest._meta.get_field(field)).max_length or LONGEST_REASON


def required(cells: Cells, name: str) -> str:
    """Return the cell without white space around it; it must not be empty."""
    value = cells.get(name, "").strip()
    if not value:
        raise BadRow(f"{name} is missing")
    return value


def checked(name: str, value: str, *, limit: int) -> str:
    """Return the text, which must be storable and at most `limit` characters long."""
    if len(value) > limit:
        raise BadRow(f"{name} is longer than {limit:,} characters ({len(value):,})")
    if value.isprintable():  # nearly all texts are, and texts with the faults below are not
        return value
    if "\x00" in value:
        raise BadRow(f"{name} holds a NUL")
    if _SURROGATE.search(value):
        raise BadRow(f"{name} holds half a surrogate pair, which is no character")
    return value


def identifier(cells: Cells, name: str, *, limit: int) -> str:
    """Return the id of a return, customer or payment, in NFC; empty if the cell is empty.

    The id has no invisible characters, so that ids that look the same are the same.
    """
    return visible(name, cells.get(name, "").strip(), limit=limit)


def visible(name: str, value: str, *, limit: int) -> str:
    """Return the text in NFC: one line of at most `limit` characters, none of them invisible."""
    if found := invisible(value):
        position, character = found
        raise BadRow(f"{name} {shown(value)} holds the invisible character {character} at position {position}")
    return checked(name, unicodedata.normalize("NFC", value), limit=limit)


def email(cells: Cells, name: str) -> str:
    """Return a valid e-mail address, or an empty text."""
    value = identifier(cells, name, limit=longest("customer_email"))
    if value:
        if problem := addresses.problem(value):
            raise BadRow(f"{name} {shown(value)} {problem}")
        try:
            validate_email(value)
        except ValidationError as error:
            raise BadRow(f"{name} {shown(value)} is not an e-mail address") from error
    return value


def whole(cells: Cells, name: str) -> int:
    """Return a whole number within the quantity's range, positive or negative."""
    value = required(cells, name)
    if not _WHOLE.fullmatch(value):
        raise BadRow(f"{name} {shown(value)} is not a whole number")
    if len(value) > _LONGEST_NUMBER or abs(int(value)) > LARGEST_QUANTITY:
        raise BadRow(f"{name} {shown(value)} is out of range; the largest is {LARGEST_QUANTITY:,}")
    return int(value)


def currency(cells: Cells, name: str) -> str:
    """Return the currency, which must be an accepted one."""
    return accepted(required(cells, name))


def accepted(currency: str) -> str:
    """Return the currency, which must be in the setting REFUNDS_CURRENCIES."""
    known = settings.REFUNDS_CURRENCIES
    if currency in known:
        return currency
    hint = "; to accept it, add it to REFUNDS_CURRENCIES" if currency in EXPONENTS else ""
    raise BadRow(f"currency {shown(currency)} is not one of {', '.join(sorted(known))}{hint}")


def amount(cells: Cells, name: str, currency: str) -> int:
    """Return an amount in minor units of the currency."""
    return _minor(decimal(cells, name), currency)


def unit_price(cells: Cells, name: str, currency: str) -> Decimal:
    """Return the price of one piece. Only a price below one can be finer than the minor unit, such as 0.125.

    In 1.125, the dot could separate thousands.
    """
    price = decimal(cells, name)
    written = -int(price.as_tuple().exponent)
    if abs(price) >= 1 and written > EXPONENTS[accepted(currency)]:
        raise BadRow(f"{name} {shown(cells[name].strip())} {too_fine(written, currency)}")
    return price


def total(price: Decimal, quantity: int, currency: str) -> int:
    """Return quantity times unit price in minor units, such as 1.50 for 12 times 0.125. The product must be whole."""
    product = _EXACT.multiply(price, Decimal(quantity))
    # Remove the zeros of the computed product: they cannot be thousands.
    fitted = product.quantize(Decimal(1).scaleb(-EXPONENTS[accepted(currency)]), context=_EXACT)
    if fitted != product:
        raise BadRow(f"amount {product:.12g} is finer than the minor unit of {currency}")
    return _minor(fitted, currency)


def _minor(amount: Decimal, currency: str) -> int:
    try:
        return to_minor(amount, accepted(currency))
    except BadAmount as error:
        raise BadRow(str(error)) from error


def decimal(cells: Cells, name: str) -> Decimal:
    """Return a number of at most 64 characters: digits with at most one dot, and no exponent."""
    value = required(cells, name)
    if not _NUMBER.fullmatch(value):
        raise BadRow(f"{name} {shown(value)} is not a number")
    if "e" in value.lower():
        raise BadRow(f"{name} {shown(value)} is written with an exponent; write all its digits")
    if len(value) > _LONGEST_NUMBER:
        raise BadRow(f"{name} {shown(value)} has more digits than an amount can have")
    if not _DIGITS.fullmatch(value):
        raise BadRow(f"{name} {shown(value)} is not written as digits with at most one dot, such as 12.50 or 0.50")
    return Decimal(value)
