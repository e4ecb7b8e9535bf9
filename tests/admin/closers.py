"""What the tests of the pages that close a refund share: a refund for each, an operator, and a good form."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client, TestCase
from pytest_django import Settings

from refunds.models import Refund
from refunds.remedies.forms import PAGES, Page

from ..factories import NOON, make_refund
from .conftest import REFUNDS, Message, browser, make_user

Queued = Callable[[], list[Message]]
NEW = "pi_3MtwBwLkdIwHu7ix28a3tqPa"
CORRECT, SETTLE, SECOND = PAGES
# A good form for each page.
FIELDS = {
    CORRECT: {"payment": NEW},
    SETTLE: {"receipt": "SEPA 17", "reason": "account closed"},
    SECOND: {"reason": "one was returned"},
}
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=[page.address for page in PAGES])


@pytest.fixture
def stripe(settings: Settings) -> None:
    """Payments are Stripe's, and the web process has no key."""
    settings.REFUNDS_GATEWAY, settings.STRIPE_API_KEY = "stripe", ""


@pytest.fixture
def client() -> Client:
    """The browser of an operator who can do all three, and not try again."""
    return browser(make_user("correct_payment", "settle_refund"))


def row(page: Page, **columns: Any) -> Refund:
    """A refund for the page."""
    values: dict[str, Any] = {"payment": "cs_test_1", "settled_at": NOON, "customer_email": "c@example.com"}
    if page is SECOND:
        values |= {"status": "succeeded", "receipt": "r1", "second_receipts": "r2", "second_receipt_at": NOON}
    else:
        values |= {"status": "failed", "failure": "card closed"}
    return make_refund(**{**values, **columns})


def of(refund: Refund, page: Page) -> str:
    return f"{REFUNDS}{refund.pk}/{page.address}/"


def send(client: Client, refund: Refund, page: Page, query: str = "", **changes: Any) -> Any:
    """Send the page's form as the page has it now, with the changes, and commit."""
    seen = "1" if page is SECOND else "0"
    with TestCase.captureOnCommitCallbacks(execute=True):
        return client.post(of(refund, page) + query, {"seen": seen, **FIELDS[page], **changes}, follow=True)


def history() -> list[tuple[Any, ...]]:
    return list(LogEntry.objects.values_list("user__username", "object_id", "action_flag", "change_message"))
