"""Amounts in whole minor units."""

import pytest

from refunds.domain.money import EXPONENTS, to_major


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [(1250, "GBP", "12.50"), (7, "JPY", "7"), (1, "KWD", "0.001"), (1, "UYW", "0.0001"), (7, "ISK", "7")],
)
def test_amount_is_shown_with_the_decimals_of_its_currency(minor: int, currency: str, shown: str) -> None:
    """Pounds have two decimals, yen none, dinars three."""
    assert str(to_major(minor, currency)) == shown


def test_every_currency_of_iso_4217_has_its_decimals() -> None:
    """The table has 157 currencies, without funds, metals, and codes for testing or for no currency."""
    assert len(EXPONENTS) == 157
    assert not EXPONENTS.keys() & {"XAU", "XXX", "XTS", "CLF", "CHE", "eur", ""}
    some = {"EUR": 2, "UAH": 2, "ISK": 0, "UGX": 0, "HUF": 2, "MGA": 2, "TND": 3, "UYW": 4}
    assert some.items() <= EXPONENTS.items()
