"""The shipped layouts, on a sample of each shop's export and on rows of Online Retail."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from refunds.importing.files import LAYOUTS, ONLINE_RETAIL, OWN, Format, Return
from refunds.importing.layout import Layout

from .files import GOOD_ONLINE, content, messages, read, refusal, rejection, taken

AT = datetime(2026, 7, 14, 9, 30, tzinfo=UTC)
REASON, ANN = "requested_by_customer", "ann@example.com"
SMALL, LOOSE = "too small", "DEFECTIVE: The handle is loose"
STRIPE = "Status is 'succeeded'; layout stripe-refunds takes rows with 'canceled' or 'failed' alone"


def sample(name: str) -> tuple[bytes, Layout, Format]:
    (file,) = (Path(__file__).parent / "samples").glob(f"{name}.*")
    return file.read_bytes(), LAYOUTS[name], Format.JSONL if file.suffix == ".json" else Format.CSV


@pytest.mark.parametrize(
    ("name", "wanted", "rejected"),
    [
        ("stripe-refunds", Return("re_1001", 1, 1250, "EUR", REASON, "", ANN, AT, "ch_1001", "re_1001"), STRIPE),
        ("woocommerce", Return("124/726", 1, 1000, "EUR", SMALL, "", "", AT), "refunded_payment is 'true'; layout"),
        ("amazon-fba-returns", Return("R-1001/MUG-BLUE", 1, 1250, "EUR", LOOSE, "", "", AT), "amount is missing"),
        ("shopify", Return("#R-1001/MUG-BLUE", 1, 1250, "EUR", SMALL, "", ANN, AT), "Financial Status is 'refund"),
    ],
)
def test_exports_of_shops_are_read_by_their_layouts(name: str, wanted: Return, rejected: str) -> None:
    """Rows that are due are imported. Rows that were paid already, or have no amount, are rejected by name."""
    found = read(*sample(name))
    (message,) = messages(found)
    assert taken(found)[0].content == wanted
    assert rejected in message


@pytest.mark.parametrize(
    ("name", "column", "hint"),
    [
        ("amazon-fba-returns", b"amount", "Amazon's report has no prices: add a column amount"),
        ("shopify", b"Return quantity", 'does not say what came back: add a column "Return quantity"'),
        ("stripe-refunds", b"Charge", "choose the column Charge when you export"),
    ],
)
def test_missing_column_of_an_export_has_a_hint(name: str, column: bytes, hint: str) -> None:
    """Amazon's report has no prices and Shopify's no returns, so the message says what to add."""
    data, layout, form = sample(name)
    message = refusal(data.replace(column, b"other", 1), layout, form)
    assert "has not the header of layout" in message
    assert hint in message


def online(**changed: str) -> bytes:
    """A file of one good row with these changes."""
    return f"{','.join(GOOD_ONLINE)}\n{','.join({**GOOD_ONLINE, **changed}.values())}\n".encode()


def test_cancellation_becomes_a_return() -> None:
    """Quantity and amount become positive, and the time is read on London's clocks."""
    at = datetime(2010, 12, 1, 10, 24, tzinfo=UTC)
    wanted = Return("C536391/22556", 12, 1980, "GBP", "PLASTERS IN TIN CIRCUS PARADE", "17548", "", at)
    assert content(online(), ONLINE_RETAIL) == wanted


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
    assert getattr(content(online(**changed), ONLINE_RETAIL), column) == value


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
    assert rejection(online(**changed), ONLINE_RETAIL).startswith(f"line 2: {reason}")


def test_currency_of_a_layout_must_be_accepted(settings: Settings) -> None:
    """A layout's constant is checked as a row's value is."""
    settings.REFUNDS_CURRENCIES = ("EUR",)
    message = "line 2: currency 'GBP' is not one of EUR; to accept it, add it to REFUNDS_CURRENCIES"
    assert rejection(online(), ONLINE_RETAIL) == message


def test_key_depends_only_on_facts() -> None:
    """Country, customer, description and white space around cells do not change it; a price does."""
    said = online(Country="EIRE", Description=" PLASTERS IN TIN CIRCUS PARADE", CustomerID="17548")
    first, same, other = (
        taken(read(data, ONLINE_RETAIL))[0].key for data in (online(), said, online(UnitPrice="1.66"))
    )
    assert first == same != other


def test_layouts_do_not_share_columns_by_accident() -> None:
    """A header fits one layout at most, so that a hint names the right one."""
    assert set(OWN.columns).isdisjoint(ONLINE_RETAIL.columns)
