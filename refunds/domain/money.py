"""Amounts: whole minor units beside a currency, so that sums are exact in every database."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

# How many decimals the minor unit of each accepted currency stands for (ISO 4217, list one). A shop names here what
# it pays in; anything else is refused at the door.
EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(
    {"CHF": 2, "CZK": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3, "PLN": 2, "UAH": 2, "USD": 2}
)
# The largest amount that a signed 64-bit column holds, and its digits.
LARGEST_MINOR: Final = 2**63 - 1
_DIGITS: Final = len(str(LARGEST_MINOR))


class BadAmount(ValueError):
    """An amount that cannot be money owed to a customer; the message says why."""


def to_minor(amount: Decimal, currency: str) -> int:
    """Minor units (pence, kopiyky) of a positive `amount` in major units.

    Raises BadAmount for an unknown currency, a NaN or infinity, zero or less, decimals finer than the minor unit, or
    an amount beyond 64 bits.
    """
    if currency not in EXPONENTS:
        raise BadAmount(f"currency {currency[:20]!r} is not one of {', '.join(EXPONENTS)}")
    if not amount.is_finite():
        raise BadAmount(f"amount {amount} is not a number")
    if amount <= 0:
        raise BadAmount(f"amount {amount:.12g} is not positive")
    # By the exponent first: Decimal('1e999999') is small to hold and endless to write out.
    if not -_DIGITS <= amount.adjusted() < _DIGITS:
        raise BadAmount(f"amount {amount:.12g} is out of range")
    minor = int(amount * 10 ** EXPONENTS[currency])
    # Multiplying rounds to 28 digits; comparing does not.
    if to_major(minor, currency) != amount:
        raise BadAmount(f"amount {amount:.12g} is finer than the minor unit of {currency}")
    if minor > LARGEST_MINOR:
        raise BadAmount(f"amount {amount:.12g} is out of range")
    return minor


def to_major(minor: int, currency: str) -> Decimal:
    """The amount in major units, with the decimals of its currency: 1250 GBP is Decimal('12.50').

    A currency that has since been dropped from the table is shown with two decimals.
    """
    return Decimal(minor).scaleb(-EXPONENTS.get(currency, 2))
