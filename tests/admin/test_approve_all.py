"""The button: its page, the press, and why a press is refused."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from freezegun.api import FrozenDateTimeFactory
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks

from refunds.admin.actions import MAX_AGE
from refunds.domain.returns import Status
from refunds.models import ReturnRequest, Sweep

from ..factories import CUTOFF, NOON, PRESSED, make_requests
from .conftest import APPROVE_ALL, CHANGE_LIST, CITY, Message, at, browser, local, make_user, press, state, token_of

pytestmark = pytest.mark.django_db

Queued = Callable[[], list[Message]]


@pytest.fixture
def client() -> Client:
    """The browser of one who may press the button."""
    return browser(make_user("approve_all"))


def test_list_has_the_button_only_with_the_permission(client: Client) -> None:
    """A user without the permission sees no link to the button's page."""
    assert APPROVE_ALL in client.get(CHANGE_LIST).text
    viewer = browser(make_user("view_returnrequest", username="viewer"))
    assert APPROVE_ALL not in viewer.get(CHANGE_LIST).text


def test_page_shows_count_and_total_of_each_currency_and_when_it_expires(client: Client) -> None:
    """What is pending since the last cutoff is counted; what can only be declined is mentioned; nothing is changed."""
    make_requests(3)
    make_requests(2, currency="JPY", amount_minor=1_000_000)
    make_requests(1, status=Status.APPROVED, decided_at=PRESSED)
    make_requests(4, received_at=CUTOFF - timedelta(days=1, microseconds=1))
    before = state()
    page = client.get(APPROVE_ALL)
    assert page.status_code == 200
    assert page.context["totals"] == [("GBP", 3, "37.50 GBP"), ("JPY", 2, "2,000,000 JPY")]
    assert "Approve 5 return requests" in page.text
    assert "4 pending return requests were received before" in page.text
    assert f"expires at {local(CUTOFF)} ({CITY})" in page.text
    assert "csrfmiddlewaretoken" in page.text
    assert state() == before


def test_page_without_anything_pending_has_no_button(client: Client) -> None:
    """The page says so, and there is no form to send."""
    make_requests(1, received_at=CUTOFF - timedelta(days=1, microseconds=1))
    page = client.get(APPROVE_ALL)
    assert "No pending return request can be approved." in page.text
    assert "1 pending return request was received before" in page.text
    assert 'name="token"' not in page.text


def test_press_starts_a_sweep_and_leads_to_its_page(
    client: Client, queued: Queued, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """One row has the set that was shown and the user; one message expires at the cutoff."""
    shown = make_requests(3)[-1]
    token = token_of(client)
    make_requests(1)
    with django_capture_on_commit_callbacks(execute=True):
        response = press(client, token)
    sweep = Sweep.objects.get()
    assert (response.status_code, response.url) == (302, f"/admin/refunds/sweep/{sweep.pk}/change/")
    assert (sweep.up_to_id, sweep.started_at, sweep.expires_at) == (shown.pk, PRESSED, CUTOFF)
    assert sweep.started_by is not None
    assert sweep.started_by.username == "pat"
    assert queued() == [Message("refunds.plan_sweep", {"sweep_id": sweep.pk}, at(CUTOFF))]
    assert client.get(response.url).status_code == 200


def test_message_waits_for_the_commit(
    client: Client, queued: Queued, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """Before the commit the queue is empty; the commit's one callback sends."""
    make_requests()
    with django_capture_on_commit_callbacks() as callbacks:
        press(client, token_of(client))
    assert queued() == []
    assert len(callbacks) == 1
    callbacks[0]()
    assert [message.task for message in queued()] == ["refunds.plan_sweep"]


@pytest.mark.django_db(transaction=True)
def test_press_that_is_rolled_back_sends_nothing(client: Client, queued: Queued) -> None:
    """Without the row there is no message; a second, committed press has both."""
    make_requests()
    token = token_of(client)
    with transaction.atomic():
        press(client, token)
        transaction.set_rollback(True)
    assert (Sweep.objects.count(), queued()) == (0, [])
    press(client, token)
    assert (Sweep.objects.count(), len(queued())) == (1, 1)


def test_second_press_of_the_same_page_leads_to_the_first_sweep(
    client: Client, queued: Queued, clock: FrozenDateTimeFactory, django_capture_on_commit_callbacks: Any
) -> None:
    """A second press at once, after the cutoff or after the page's hour makes no other sweep or message."""
    make_requests(2)
    token = token_of(client)
    with django_capture_on_commit_callbacks(execute=True):
        first = press(client, token)
        again = press(client, token)
        clock.move_to(CUTOFF)
        after_cutoff = press(client, token)
        clock.move_to(PRESSED + MAX_AGE + timedelta(seconds=1))
        after_its_hour = press(client, token)
    assert {again.url, after_cutoff.url, after_its_hour.url} == {first.url}
    assert Sweep.objects.count() == 1
    assert len(queued()) == 1


def test_another_page_starts_another_sweep(client: Client) -> None:
    """Two pages have two keys: a second press from a fresh page is a second sweep."""
    make_requests()
    for _ in range(2):
        press(client, token_of(client))
    assert Sweep.objects.count() == 2


@pytest.mark.parametrize("pressed_at", [CUTOFF - timedelta(seconds=1), CUTOFF - timedelta(microseconds=1)])
def test_press_before_the_cutoff_is_in_time(client: Client, clock: FrozenDateTimeFactory, pressed_at: datetime) -> None:
    """The last second before the cutoff belongs to the page's day."""
    make_requests()
    token = token_of(client)
    clock.move_to(pressed_at)
    assert press(client, token).url.startswith("/admin/refunds/sweep/")
    assert Sweep.objects.get().expires_at == CUTOFF


def test_page_is_valid_for_an_hour(client: Client, clock: FrozenDateTimeFactory) -> None:
    """Pressed an hour after it was shown, to the second, the page still works."""
    make_requests()
    clock.move_to(NOON)
    token = token_of(client)
    clock.tick(MAX_AGE)
    assert press(client, token).url.startswith("/admin/refunds/sweep/")


def test_page_and_press_take_the_same_statements_for_any_number_of_rows(client: Client) -> None:
    """10 pending rows and 1,000 take the statements that this test lists in order."""
    signed_in = ["SELECT django_session", "SELECT auth_user", *["SELECT auth_permission"] * 2]
    for more in (10, 990):
        make_requests(more)
        with CaptureQueriesContext(connection) as page:
            token = token_of(client)
        with CaptureQueriesContext(connection) as pressed:
            press(client, token)
        # The highest id, and all numbers by one statement.
        assert statements(page) == [*signed_in, *["SELECT refunds_returnrequest"] * 2]
        assert statements(pressed) == [
            *signed_in,
            "SELECT refunds_sweep",  # a second press?
            "SELECT refunds_sweep",  # get_or_create, in the transaction
            "INSERT refunds_sweep",
        ]
    assert ReturnRequest.objects.filter(status=Status.REQUESTED).count() == 1_000


def statements(captured: CaptureQueriesContext) -> list[str]:
    """The verb and the first table of each, without transactions' own."""
    found = (re.search(r'^(SELECT|INSERT|UPDATE|DELETE).*?(?:FROM|INTO|UPDATE) "(\w+)"', q["sql"]) for q in captured)
    return [" ".join(match.groups()) for match in found if match]
