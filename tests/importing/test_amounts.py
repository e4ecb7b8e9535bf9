"""Amounts as files have them become whole minor units, exactly or not at all."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds.domain.money import EXPONENTS, to_major
from refunds.importing.amounts import LARGEST_MINOR, BadAmount, to_minor

CURRENCIES = st.sampled_from(sorted(EXPONENTS))


@given(st.integers(1, LARGEST_MINOR), CURRENCIES)
def test_minor_units_and_back_are_the_same_amount(minor: int, currency: str) -> None:
    """Every amount that a column can hold makes the round trip."""
    assert to_minor(to_major(minor, currency), currency) == minor


@given(st.decimals(allow_nan=True, allow_infinity=True), CURRENCIES)
def test_any_decimal_is_exact_or_refused(amount: Decimal, currency: str) -> None:
    """No amount is rounded: what is accepted is worth the same, all else is refused with a reason."""
    try:
        minor = to_minor(amount, currency)
    except BadAmount:
        return
    assert 0 < minor <= LARGEST_MINOR
    assert to_major(minor, currency) == amount


@pytest.mark.parametrize(
    ("amount", "currency", "reason"),
    [
        ("1", "XXX", "currency 'XXX' is not a currency of ISO 4217"),
        ("NaN", "GBP", "amount NaN is not a number"),
        ("Infinity", "GBP", "amount Infinity is not a number"),
        ("1.0000000000000000000000000001", "GBP", r"amount 1\.0+ has 28 decimals, and GBP has 2 decimals"),
        ("0.5", "JPY", "amount 0.5 has 1 decimal, and JPY has no decimals"),
        ("10.000", "JPY", "amount 10.000 has 3 decimals, and JPY has no decimals; the dot may be a thousands"),
        ("10.0", "JPY", "amount 10.0 has 1 decimal, and JPY has no decimals"),
        ("1.0000", "KWD", "amount 1.0000 has 4 decimals, and KWD has 3 decimals"),
        ("1e3", "EUR", r"amount 1e\+3 is written with an exponent; write all its digits"),
        ("1e999999", "GBP", r"amount 1e\+999999 is written with an exponent"),
        ("1e-999999", "GBP", "has 999999 decimals"),
    ],
)
def test_malformed_amount_is_refused_with_its_reason(amount: str, currency: str, reason: str) -> None:
    """The message names the amount or the currency and what is wrong with it; test_rows.py has more of them."""
    with pytest.raises(BadAmount, match=reason):
        to_minor(Decimal(amount), currency)


def test_no_caller_has_an_amount_rounded() -> None:
    """Whatever precision the caller computes with, every digit counts."""
    with localcontext(prec=3):
        assert to_minor(Decimal("92233720368547758.07"), "EUR") == LARGEST_MINOR
