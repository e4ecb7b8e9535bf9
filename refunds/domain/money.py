"""Amounts: whole minor units of a currency, so that sums are exact in every database."""

from decimal import Decimal

from .currencies import EXPONENTS


def to_major(minor: int, currency: str) -> Decimal:
    """Return the amount in major units, with the decimals of its currency: 1250 GBP is Decimal('12.50')."""
    # Two for an unknown code: a page must show also a row that other code has stored.
    return Decimal(minor).scaleb(-EXPONENTS.get(currency, 2))
