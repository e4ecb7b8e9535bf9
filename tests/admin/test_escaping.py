"""Every page escapes order lines, reasons, notes, customers and users' names, which come from strangers."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils.html import escape

from refunds.domain.sweeps import Frozen
from refunds.models import ReturnRequest, WalletEntry
from refunds.operations import button

from ..factories import PRESSED, make_refund, make_requests
from .conftest import CHANGE_LIST, REFUNDS, act, confirm, make_user, try_again
from .matrix import core_models

pytestmark = pytest.mark.django_db

PAYLOADS = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='a()'>",
    "</textarea></title><svg/onload=a()>",
    "&lt;b&gt;<b>&amp;",
    "javascript:alert(1)//'\"<a>",
]
REQUEST_FIELDS = ["order_line", "customer", "customer_email", "reason", "decision_note"]


@pytest.fixture(params=PAYLOADS)
def payload(request: pytest.FixtureRequest) -> str:
    """Return text that would be more than text on a page that did not escape it."""
    return str(request.param)


@pytest.fixture
def user(payload: str) -> User:
    """Return a superuser with the payload as the name."""
    return make_user(username=payload, is_superuser=True)


@pytest.fixture
def ids(payload: str, user: User) -> dict[str, int]:
    """Return the ids of one row of each kind, with the payload in every text of theirs."""
    texts = dict.fromkeys(REQUEST_FIELDS, payload)
    decided = {"decided_at": PRESSED, "decided_by": user}
    (pending,) = make_requests(1, **{**texts, "decision_note": ""})
    (declined,) = make_requests(1, status="declined", **decided, **texts)
    outcome = {"status": "succeeded", "receipt": payload, "failure": payload, "settled_at": PRESSED}
    refund = make_refund(**outcome, **decided, **texts)
    WalletEntry.objects.create(refund=refund, customer=payload, amount_minor=1250, currency="GBP")
    sweep, _ = button.start_approve(key="k", frozen=Frozen(0), by=user, now=PRESSED)
    LogEntry.objects.create(
        user=user, content_type=ContentType.objects.get_for_model(ReturnRequest), object_id=str(declined.pk),
        object_repr=payload, action_flag=CHANGE, change_message=payload,
    )  # fmt: skip
    return {"pending": pending.pk, "declined": declined.pk, "refund": refund.pk, "sweep": sweep.pk}


# How often a page shows the payload at the least, besides the name of the user in its header.
PAGES = {
    "/admin/refunds/returnrequest/": 6,
    "/admin/refunds/returnrequest/?q={payload}": 7,
    "/admin/refunds/returnrequest/?status={payload}&currency={payload}": 0,
    "/admin/refunds/returnrequest/{declined}/change/": 6,
    "/admin/refunds/returnrequest/{declined}/history/": 3,
    "/admin/refunds/returnrequest/approve-all/": 1,
    "/admin/refunds/refund/": 3,
    "/admin/refunds/refund/{refund}/change/": 3,
    "/admin/refunds/refund/{refund}/history/": 0,
    "/admin/refunds/walletentry/": 1,
    "/admin/refunds/walletentry/{refund}/change/": 1,
    "/admin/refunds/sweep/": 1,
    "/admin/refunds/sweep/{sweep}/change/": 1,
    "/admin/refunds/sweep/{sweep}/history/": 0,
    "/admin/": 1,
}


def assert_text_only(html: str, payload: str, times: int) -> None:
    """Assert that the payload is on the page as text, so often besides the header, and nowhere as anything else."""
    assert payload not in html
    assert html.count(str(escape(payload))) >= 1 + times


@pytest.mark.parametrize("address", PAGES)
def test_page_shows_strangers_text_as_text(client: Client, ids: dict[str, int], payload: str, address: str) -> None:
    """Lists, details, titles, breadcrumbs, histories and the search box escape it."""
    path, _, query = address.partition("?")
    values = {key: payload for key, _, value in (pair.partition("=") for pair in query.split("&")) if value}
    page = client.get(path.format(**ids), values)
    assert page.status_code == 200
    assert_text_only(page.text, payload, PAGES[address])


def test_decline_page_and_its_messages_show_text_as_text(client: Client, ids: dict[str, int], payload: str) -> None:
    """They escape the chosen rows, a reason that is too long, and the message after the decision."""
    chosen = [ids["pending"]]
    page = act(client, "decline_selected", chosen)
    assert_text_only(page.text, payload, 2)
    token = page.context["token"]
    too_long = confirm(client, "decline_selected", chosen, token=token, reason=payload + "x" * 500)
    assert_text_only(too_long.text, payload, 3)
    after = confirm(client, "decline_selected", chosen, token=token, reason=payload)
    assert "Declined: 1." in after.text
    assert_text_only(after.text, payload, 6)
    assert_text_only(client.get(f"{CHANGE_LIST}{chosen[0]}/change/").text, payload, 6)


def test_try_again_and_its_history_show_text_as_text(client: Client, payload: str) -> None:
    """They escape a reason with markup before and after the press, and in the history."""
    texts = dict.fromkeys(["order_line", "payment", "failure"], payload)
    pk = make_refund(status="failed", settled_at=PRESSED, **texts).pk
    page = client.get(f"{REFUNDS}{pk}/change/", {"_changelist_filters": payload}).text
    assert 'value="Try again"' in page
    assert_text_only(page, payload, 3)
    pressed = try_again(client, [pk], page=payload)
    assert "Tried again: 1." in pressed.text
    assert_text_only(pressed.text, payload, 3)
    assert_text_only(client.get(f"{REFUNDS}{pk}/history/").text, payload, 2)


@pytest.mark.parametrize("model", core_models())
def test_message_about_an_unknown_id_shows_it_as_text(client: Client, payload: str, model: str) -> None:
    """Django's message repeats the id that it did not find."""
    page = client.get(f"/admin/refunds/{model}/{payload.replace('/', '_2F')}/change/", follow=True)
    assert page.status_code == 200
    assert "Perhaps it was deleted?" in page.text
    assert_text_only(page.text, payload, 1)
