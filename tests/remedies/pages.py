"""What the tests of the room's pages share: a refund for each page, and a good form."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from refunds import signals
from refunds.models import Refund
from refunds.remedies.forms import PAGES, Page

from ..admin.conftest import REFUNDS, commit
from ..factories import NOON, make_refund

NEW = "ch_new"
CORRECT, SETTLE, SECOND = PAGES
# A good form for each page.
FIELDS = {
    CORRECT: {"payment": NEW},
    SETTLE: {"receipt": "SEPA 17", "reason": "account closed"},
    SECOND: {"reason": "one was returned"},
}
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=[page.address for page in PAGES])


def row(page: Page, **columns: Any) -> Refund:
    values: dict[str, Any] = {"payment": "cs_test_1", "settled_at": NOON}
    if page is not SECOND:
        return make_refund(**{**values, "status": "failed", "failure": "card closed", **columns})
    refund = make_refund(**{**values, "status": "succeeded", "receipt": "r1", **columns})
    signals.second_receipt.send(Refund, refund=refund, receipt="r2", now=NOON)
    return refund


def of(refund: Refund, page: Page | None = None, query: str = "") -> str:
    """Return the address of the remedy's page, or of the refund's own."""
    return f"{REFUNDS}{refund.pk}/{page.address if page else 'change'}/{query}"


def send(client: Client, refund: Refund, page: Page, query: str = "", **changes: Any) -> Any:
    """Send the page's form as the page has it now, with the changes, and commit."""
    seen = "1" if page is SECOND else "0"
    with commit():
        return client.post(of(refund, page, query), {"seen": seen, **FIELDS[page], **changes}, follow=True)


def history() -> list[tuple[Any, ...]]:
    return list(LogEntry.objects.values_list("user__username", "object_id", "action_flag", "change_message"))
