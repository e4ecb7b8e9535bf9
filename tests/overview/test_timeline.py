"""The page of a return request: everything that happened to it, in order."""

from datetime import datetime
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from refunds import signals
from refunds.admin.values import in_zone
from refunds.domain.returns import Decision
from refunds.models import Refund, ReturnRequest
from refunds.operations.decisions import decide_chosen

from ..admin.conftest import CHANGE_LIST, REFUNDS, browser, client, clock, make_user, user
from ..factories import MINUTE, NOON, PRESSED, SECOND, local, make_refund, make_requests
from .conftest import decide, press

__all__ = ["client", "clock", "user"]  # fixtures

pytestmark = pytest.mark.django_db
PERMISSIONS = ("view_returnrequest", "view_refund", "view_sweep")


def told(client: Client, pk: int) -> list[tuple[str, str, str]]:
    """Return instant, text and link of each line, without what every request begins with."""
    found = client.get(f"{CHANGE_LIST}{pk}/change/").context["timeline"]
    assert [text for _, text, _ in found[:2]] == ["Requested by the customer", "Received"]
    return list(found[2:])


def log(model: type[ReturnRequest | Refund], pk: int, text: str, at: datetime) -> None:
    """Add to the history of a row."""
    kind = ContentType.objects.get_for_model(model)
    columns = {"content_type": kind, "object_id": str(pk), "action_flag": CHANGE, "object_repr": "r"}
    LogEntry.objects.create(user=make_user(username=text), change_message=text, action_time=at, **columns)


def test_decision_attempts_answers_and_history(client: Client) -> None:
    """A refund that failed, was tried again, was accepted, and was paid; with a link to each row."""
    (row,) = make_requests(1)
    decide(sweep := press())
    refund, of_sweep = f"{REFUNDS}{row.pk}/change/", f"/admin/refunds/sweep/{sweep.pk}/change/"
    at = [PRESSED + number * SECOND for number in range(6)]
    decided = (in_zone(PRESSED), f"Approved by boss in {sweep}", of_sweep)
    assert told(client, row.pk) == [decided, (local(PRESSED), "Payment due", refund)]
    log(ReturnRequest, row.pk, "looked at", at[1])
    log(Refund, row.pk, "tried again", at[2])
    columns = {"attempts": 2, "tried_again": 1, "first_attempt_at": at[3], "accepted_at": at[4], "receipt": "re_1"}
    Refund.objects.update(status="succeeded", settled_at=at[5], **columns)
    assert told(client, row.pk) == [
        decided,
        (local(at[1]), "looked at: looked at", ""),
        (local(at[2]), "tried again: tried again", ""),
        (local(at[3]), "First attempt to pay since it was last tried again; attempts: 2", refund),
        (local(at[4]), "Accepted by the payment provider, which settles it later", refund),
        (local(at[5]), "Paid: receipt re_1", refund),
    ]


def test_what_the_provider_said(client: Client) -> None:
    """The last answer while the refund waits for its next attempt, and the one with which it failed."""
    columns: dict[str, Any] = {"attempts": 1, "first_attempt_at": NOON, "failure": "<b>busy"}
    pk = make_refund(due_at=PRESSED + MINUTE, **columns).pk
    due = (local(PRESSED + MINUTE), "Payment due; the last attempt said: <b>busy", f"{REFUNDS}{pk}/change/")
    assert told(client, pk)[-1] == due
    assert "the last attempt said: &lt;b&gt;busy" in client.get(f"{CHANGE_LIST}{pk}/change/").text
    Refund.objects.update(status="failed", settled_at=PRESSED)
    assert told(client, pk)[-1] == (local(PRESSED), "Payment failed: <b>busy", f"{REFUNDS}{pk}/change/")


def test_user_reads_what_the_permissions_open(client: Client) -> None:
    """Without that of refunds no payment, without that of sweeps no link; a decision by hand has its note."""
    (row,) = make_requests(1)
    viewer = browser(make_user("view_returnrequest", username="viewer"))
    assert told(viewer, row.pk) == []
    boss = make_user(username="boss")
    decide_chosen([row.pk], Decision.APPROVE, by=boss, note="worn", now=PRESSED)
    assert told(viewer, row.pk) == [(local(PRESSED), "Approved by boss: worn", "")]
    make_requests(1)
    decide(press("ann"))
    assert told(viewer, row.pk + 1)[0][2] == ""


def test_rooms_add_to_the_history(client: Client) -> None:
    """In the order of the instants, among the lines of the core."""

    def room(row: ReturnRequest, user: Any, now: datetime, **_: Any) -> list[tuple[datetime, str, str]]:
        return [(NOON - SECOND, f"{row.pk} {user}", "/there/")] if now == PRESSED else []

    (row,) = make_requests(1, requested_at=NOON - MINUTE)
    signals.history_requested.connect(room)
    try:
        found = client.get(f"{CHANGE_LIST}{row.pk}/change/").context["timeline"]
    finally:
        signals.history_requested.disconnect(room)
    assert [text for _, text, _ in found] == ["Requested by the customer", f"{row.pk} pat", "Received"]
