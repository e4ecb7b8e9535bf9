"""Amounts in whole minor units."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds.domain.money import EXPONENTS, LARGEST_MINOR, BadAmount, to_major, to_minor


@given(st.integers(1, LARGEST_MINOR), st.sampled_from(sorted(EXPONENTS)))
def test_minor_units_and_back_are_the_same_amount(minor: int, currency: str) -> None:
    """Every amount that a column can hold makes the round trip."""
    assert to_minor(to_major(minor, currency), currency) == minor


@given(st.decimals(allow_nan=True, allow_infinity=True), st.sampled_from(sorted(EXPONENTS)))
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
        ("1", "XXX", "currency 'XXX' is not one of CHF"),
        ("NaN", "GBP", "amount NaN is not a number"),
        ("Infinity", "GBP", "amount Infinity is not a number"),
        ("0", "GBP", "amount 0 is not positive"),
        ("-1", "GBP", "amount -1 is not positive"),
        ("0.001", "GBP", "amount 0.001 is finer than the minor unit of GBP"),
        ("1.0000000000000000000000000001", "GBP", r"amount 1\.0+ is finer than the minor unit of GBP"),
        ("0.5", "JPY", "amount 0.5 is finer than the minor unit of JPY"),
        ("1e999999", "GBP", "out of range"),
        ("1e-999999", "GBP", "out of range"),
        ("92233720368547758.08", "GBP", "out of range"),
    ],
)
def test_what_is_no_amount_is_refused_with_its_reason(amount: str, currency: str, reason: str) -> None:
    """The message names the amount or the currency and what is wrong with it."""
    with pytest.raises(BadAmount, match=reason):
        to_minor(Decimal(amount), currency)


@pytest.mark.parametrize(("minor", "currency", "shown"), [(1250, "GBP", "12.50"), (7, "JPY", "7"), (1, "KWD", "0.001")])
def test_major_units_have_the_decimals_of_their_currency(minor: int, currency: str, shown: str) -> None:
    """Pounds have two decimals, yen none, dinars three."""
    assert str(to_major(minor, currency)) == shown
