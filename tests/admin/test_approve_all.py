"""The button: its page, and the press."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from freezegun.api import FrozenDateTimeFactory

from refunds.admin.actions import MAX_AGE
from refunds.domain.returns import Status
from refunds.models import ReturnRequest, Sweep

from ..factories import BLINK, CUTOFF, NOON, PRESSED, SECOND, local, make_requests
from .conftest import APPROVE_ALL, CITY, LATE, Message, commit, press, queued, token_of, unchanged

pytestmark = pytest.mark.django_db
PERMISSIONS = ("approve_all",)


def test_page_shows_count_and_total_of_each_currency_and_when_it_expires(client: Client) -> None:
    """It mentions what can only be declined, and counts what can be approved. Without any of these there is no form."""
    make_requests(received_at=LATE)
    empty = client.get(APPROVE_ALL).text
    assert "No pending return request can be approved." in empty
    assert "1 pending return request was received before" in empty
    assert 'name="token"' not in empty
    make_requests(3)
    make_requests(2, currency="JPY", amount_minor=1_000_000)
    make_requests(status=Status.APPROVED, decided_at=PRESSED)
    make_requests(3, received_at=LATE)
    with unchanged():
        page = client.get(APPROVE_ALL)
    assert page.status_code == 200
    assert page.context["totals"] == [("GBP", 3, "37.50 GBP"), ("JPY", 2, "2,000,000 JPY")]
    assert "Approve 5 return requests" in page.text
    assert "4 pending return requests were received before" in page.text
    assert f"expires at {local(CUTOFF)} ({CITY})" in page.text
    assert "csrfmiddlewaretoken" in page.text


def test_press_starts_a_sweep_and_leads_to_its_page(client: Client, user: User) -> None:
    """One row has the set that was shown and the user; one message expires at the cutoff."""
    shown = make_requests(3)[-1]
    token = token_of(client)
    make_requests()
    with commit():
        response = press(client, token)
    sweep = Sweep.objects.get()
    assert (response.status_code, response.url) == (302, f"/admin/refunds/sweep/{sweep.pk}/change/")
    assert (sweep.up_to_id, sweep.started_at, sweep.expires_at) == (shown.pk, PRESSED, CUTOFF)
    assert sweep.started_by == user
    assert queued() == [Message("refunds.plan_sweep", {"sweep_id": sweep.pk}, CUTOFF.isoformat())]
    assert client.get(response.url).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_message_waits_for_the_commit(client: Client) -> None:
    """Before the commit the queue is empty. Without the row there is no message; a second, committed press has both."""
    make_requests()
    token = token_of(client)
    for committed in (False, True):
        with transaction.atomic():
            press(client, token)
            assert queued() == []
            transaction.set_rollback(not committed)
        assert [message.task for message in queued()] == ["refunds.plan_sweep"] * committed
        assert Sweep.objects.count() == committed


def test_second_press_of_the_same_page_leads_to_the_first_sweep(client: Client, clock: FrozenDateTimeFactory) -> None:
    """At once, after the cutoff and after the page's hour no other sweep starts; another page starts another."""
    make_requests(2)
    token = token_of(client)
    with commit():
        first = press(client, token).url
    assert len(queued()) == 1
    with unchanged():
        for pressed_at in (PRESSED, CUTOFF, PRESSED + MAX_AGE + SECOND):
            clock.move_to(pressed_at)
            assert press(client, token).url == first
    press(client, token_of(client))
    assert Sweep.objects.count() == 2


@pytest.mark.parametrize("age", [CUTOFF - SECOND - PRESSED, CUTOFF - BLINK - PRESSED, MAX_AGE])
def test_press_before_the_cutoff_and_within_the_hour_is_in_time(
    client: Client, clock: FrozenDateTimeFactory, age: timedelta
) -> None:
    """The last second before the cutoff belongs to the page's day, and a page is valid for an hour to the second."""
    make_requests()
    clock.move_to(NOON if age == MAX_AGE else PRESSED)
    token = token_of(client)
    clock.tick(age)
    assert press(client, token).url.startswith("/admin/refunds/sweep/")
    assert Sweep.objects.get().expires_at == CUTOFF


def test_press_is_in_the_history_of_its_sweep_with_the_sums_that_the_page_showed(client: Client, user: User) -> None:
    """Once, however often the page is sent. What comes in after the page was made is not in the sums."""
    make_requests(3)
    make_requests(2, currency="JPY", amount_minor=1_000_000)
    token = token_of(client)
    make_requests()
    for _ in range(2):
        press(client, token)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.get_edited_object(), entry.action_flag) == (user, Sweep.objects.get(), ADDITION)
    shown = "3 of 37.50 GBP, 2 of 2,000,000 JPY"
    assert entry.change_message == f"Approve all pending: {shown}, as the page showed"


def test_press_that_cannot_be_written_down_starts_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sweep without its history, and no message."""
    make_requests()
    token = token_of(client)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(LogEntry, "save", fail)
    with commit(), pytest.raises(OSError, match="the disk is full"):
        press(client, token)
    assert not Sweep.objects.exists()
    assert queued() == []


def test_page_and_press_take_the_same_statements_for_any_number_of_rows(client: Client) -> None:
    """10 pending rows and 1,000 take the statements that this test lists in order."""
    signed_in = ["SELECT django_session", "SELECT auth_user", *["SELECT auth_permission"] * 2]
    ContentType.objects.get_for_models(Sweep, ReturnRequest)  # a process asks once
    for more in (10, 990):
        make_requests(more)
        with CaptureQueriesContext(connection) as page:
            token = token_of(client)
        with CaptureQueriesContext(connection) as pressed:
            press(client, token)
        # The highest id, the open sweeps, all numbers by one statement, the largest amounts and the reasons.
        rows = ["SELECT refunds_returnrequest"]
        assert statements(page) == [*signed_in, *rows, "SELECT refunds_sweep", *rows * 3]
        # Is it a second press? Has anything changed? And get_or_create and the history, in the transaction.
        looked = [*["SELECT refunds_sweep"] * 2, "SELECT django_admin_log", "SELECT refunds_sweep"]
        assert statements(pressed) == [*signed_in, *looked, "INSERT refunds_sweep", "INSERT django_admin_log"]
        Sweep.objects.update(started_at=NOON, closed_at=NOON, left=0)
        LogEntry.objects.update(action_time=NOON)
    assert ReturnRequest.objects.filter(status=Status.REQUESTED).count() == 1_000


def statements(captured: CaptureQueriesContext) -> list[str]:
    """Return the verb and the first table of each, without transactions' own."""
    found = (re.search(r'^(SELECT|INSERT|UPDATE|DELETE).*?(?:FROM|INTO|UPDATE) "(\w+)"', q["sql"]) for q in captured)
    return [" ".join(match.groups()) for match in found if match]
