"""Convert amounts in files, which are decimals in major units, to whole minor units."""

from decimal import Context, Decimal
from typing import Final

from ..domain.money import EXPONENTS

# The largest amount that a signed 64-bit column holds, and its number of digits.
LARGEST_MINOR: Final = 2**63 - 1
_DIGITS: Final = len(str(LARGEST_MINOR))
# Digits: enough for any amount in range, so that nothing is rounded, whatever the caller's decimal context is.
_EXACT: Final = Context(prec=40)


class BadAmount(ValueError):
    """The amount cannot be paid to a customer; the message says why."""


def to_minor(amount: Decimal, currency: str) -> int:
    """Return the minor units (pence, kopiyky) of a positive `amount` in major units.

    Written zeros count as decimals: 10.000 is not 10 euros, because the dot can separate thousands. Raises BadAmount
    for a currency that is not in ISO 4217, a NaN or infinity, zero or less, an exponent, more decimals than the
    currency has, or an amount beyond 64 bits.
    """
    if currency not in EXPONENTS:
        raise BadAmount(f"currency {currency[:20]!r} is not a currency of ISO 4217")
    if not amount.is_finite():
        raise BadAmount(f"amount {amount} is not a number")
    if amount <= 0:
        raise BadAmount(f"amount {amount:.12g} is not positive")
    written = -int(amount.as_tuple().exponent)  # an int, as the amount is finite
    if written < 0:
        raise BadAmount(f"amount {amount:.12g} is written with an exponent; write all its digits")
    if written > EXPONENTS[currency]:
        raise BadAmount(f"amount {amount:.12g} {too_fine(written, currency)}")
    if amount.adjusted() >= _DIGITS:
        raise BadAmount(f"amount {amount:.12g} is out of range")
    minor = int(amount.scaleb(EXPONENTS[currency], _EXACT))
    if minor > LARGEST_MINOR:
        raise BadAmount(f"amount {amount:.12g} is out of range")
    return minor


def too_fine(written: int, currency: str) -> str:
    """Return the end of the message about a number with more decimals than its currency has."""
    allowed = EXPONENTS[currency]
    has = f"{allowed} decimals" if allowed else "no decimals"
    return (
        f"has {written} decimal{'s' if written > 1 else ''}, and {currency} has {has}; the dot may be a thousands "
        "separator: write the amount without separators and without further decimals"
    )
