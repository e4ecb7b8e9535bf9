"""The shipped layouts of shops' exports, on a sample of each."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from refunds.importing.files import LAYOUTS, Format, Return
from refunds.importing.layout import Layout

from .files import messages, read, refusal, taken

AT = datetime(2026, 7, 14, 9, 30, tzinfo=UTC)
REASON, ANN = "requested_by_customer", "ann@example.com"
SMALL, LOOSE = "too small", "DEFECTIVE: The handle is loose"
STRIPE = "Status is 'succeeded'; layout stripe-refunds takes rows with 'canceled' or 'failed' alone"


def sample(name: str) -> tuple[bytes, Layout, Format]:
    """Read the sample of a layout."""
    (file,) = (Path(__file__).parent / "samples").glob(f"{name}.*")
    return file.read_bytes(), LAYOUTS[name], Format.JSONL if file.suffix == ".json" else Format.CSV


@pytest.mark.parametrize(
    ("name", "content", "rejected"),
    [
        ("stripe-refunds", Return("re_1001", 1, 1250, "EUR", REASON, "", ANN, AT, "ch_1001", "re_1001"), STRIPE),
        (
            "woocommerce",
            Return("124/726", 1, 1000, "EUR", SMALL, "", "", AT),
            "refunded_payment is 'true'; layout",
        ),
        ("amazon-fba-returns", Return("R-1001/MUG-BLUE", 1, 1250, "EUR", LOOSE, "", "", AT), "amount is missing"),
        (
            "shopify",
            Return("#R-1001/MUG-BLUE", 1, 1250, "EUR", SMALL, "", ANN, AT),
            "Financial Status is 'refund",
        ),
    ],
)
def test_exports_of_shops_are_read_by_their_layouts(name: str, content: Return, rejected: str) -> None:
    """Rows that are due are imported. Rows that were paid already, or have no amount, are rejected by name."""
    found = read(*sample(name))
    (message,) = messages(found)
    assert taken(found)[0].content == content
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
