"""Amounts: whole minor units of a currency, so that sums are exact in every database."""

from decimal import Decimal

from .currencies import EXPONENTS


def to_major(minor: int, currency: str) -> Decimal:
    """Return the amount in major units, with the decimals of its currency: 1250 GBP is Decimal('12.50').

    Every currency of ISO 4217 has its own decimals, whether it is accepted now or not. A code that is not in ISO 4217
    has two: a page must show also a row that other code has stored.
    """
    return Decimal(minor).scaleb(-EXPONENTS.get(currency, 2))
