"""The layout of the Online Retail files."""

from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from refunds.importing.files import ONLINE_RETAIL, OWN, Return

from .files import GOOD_ONLINE, content, read, rejection, taken


def good(**changed: str) -> bytes:
    """A file of one good row with these changes."""
    return f"{','.join(GOOD_ONLINE)}\n{','.join({**GOOD_ONLINE, **changed}.values())}\n".encode()


def test_cancellation_becomes_a_return() -> None:
    """Quantity and amount become positive, and the time is read on London's clocks."""
    at = datetime(2010, 12, 1, 10, 24, tzinfo=UTC)
    wanted = Return("C536391/22556", 12, 1980, "GBP", "PLASTERS IN TIN CIRCUS PARADE", "17548", "", at)
    assert content(good(), ONLINE_RETAIL) == wanted


@pytest.mark.parametrize(
    ("changed", "column", "value"),
    [
        ({"CustomerID": ""}, "customer", ""),
        ({"CustomerID": "A17"}, "customer", "A17"),
        ({"UnitPrice": "0.125"}, "amount_minor", 150),
        ({"Quantity": "-74215", "UnitPrice": "1.04"}, "amount_minor", 7_718_360),
        ({"InvoiceDate": "2011-06-30 16:20:00"}, "requested_at", datetime(2011, 6, 30, 15, 20, tzinfo=UTC)),
        # The clocks went back from 2:00 to 1:00 that night: the first 1:30, of summer time, is meant.
        ({"InvoiceDate": "2011-10-30 01:30:00"}, "requested_at", datetime(2011, 10, 30, 0, 30, tzinfo=UTC)),
    ],
)
def test_peculiar_real_rows_are_imported(changed: dict[str, str], column: str, value: object) -> None:
    """They have no customer, a price of three decimals, tens of thousands of units, or summer time."""
    assert getattr(content(good(**changed), ONLINE_RETAIL), column) == value


SKIPPED = "does not exist: the clocks of Europe/London skipped it"
THREE_DECIMALS = "has 3 decimals, and GBP has 2 decimals; the dot may be a thousands"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Quantity": "12"}, "Quantity 12 is not negative: not a return"),
        ({"Quantity": "0"}, "Quantity 0 is not negative: not a return"),
        ({"Quantity": "-1", "UnitPrice": "0.125"}, "amount 0.125 is finer than the minor unit of GBP"),
        ({"UnitPrice": "1.125"}, f"UnitPrice '1.125' {THREE_DECIMALS}"),
        ({"UnitPrice": "1.560"}, f"UnitPrice '1.560' {THREE_DECIMALS}"),
        ({"UnitPrice": "0"}, "amount 0.00 is not positive"),
        ({"UnitPrice": "-1"}, "amount -12.00 is not positive"),
        ({"UnitPrice": "1e999999"}, "UnitPrice '1e999999' is written with an exponent"),
        ({"UnitPrice": "1e-999999"}, "UnitPrice '1e-999999' is written with an exponent"),
        ({"UnitPrice": "0." + "0" * 50 + "1"}, "amount 1.2e-50 is finer than the minor unit of GBP"),
        ({"StockCode": " "}, "StockCode is missing"),
        ({"InvoiceNo": "C" * 64}, "InvoiceNo/StockCode is longer than 64 characters (70)"),
        ({"InvoiceDate": "12/1/2010 8:26"}, "InvoiceDate '12/1/2010 8:26' is not a date and time such as 2010-12-01"),
        ({"InvoiceDate": "2011-02-29 08:26:00"}, "InvoiceDate '2011-02-29 08:26:00' does not exist: "),
        ({"InvoiceDate": "2011-03-27 01:30:00"}, f"InvoiceDate '2011-03-27 01:30:00' {SKIPPED}"),
    ],
)
def test_row_that_is_not_a_return_is_rejected(changed: dict[str, str], reason: str) -> None:
    """The reason names the column of the file."""
    assert rejection(good(**changed), ONLINE_RETAIL).startswith(f"line 2: {reason}")


def test_currency_of_a_layout_must_be_accepted(settings: Settings) -> None:
    """A layout's constant is checked as a row's value is."""
    settings.REFUNDS_CURRENCIES = ("EUR",)
    message = "line 2: currency 'GBP' is not one of EUR; to accept it, add it to REFUNDS_CURRENCIES"
    assert rejection(good(), ONLINE_RETAIL) == message


def test_key_depends_only_on_facts() -> None:
    """Country, customer, description and white space around cells do not change it; a price does."""
    said = good(Country="EIRE", Description=" PLASTERS IN TIN CIRCUS PARADE", CustomerID="17548")
    first, same, other = (taken(read(data, ONLINE_RETAIL))[0].key for data in (good(), said, good(UnitPrice="1.66")))
    assert first == same != other


def test_layouts_do_not_share_columns_by_accident() -> None:
    """A header fits one layout at most, so that a hint names the right one."""
    assert set(OWN.columns).isdisjoint(ONLINE_RETAIL.columns)
