"""Try again, the action on the list of refunds: which refunds it changes, and what the history says."""

from typing import Any

import pytest
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format
from freezegun.api import FrozenDateTimeFactory

from refunds.models import Refund

from ..factories import HOUR, PRESSED, make_failed, make_processing, make_refund, make_requests, refund_rows
from .conftest import REFUNDS, Message, queued, texts, try_again, unchanged

pytestmark = pytest.mark.django_db
PERMISSIONS = ("retry_refund",)


def log() -> list[tuple[Any, ...]]:
    """What the histories say, by refund: of what, who, when, what."""
    what, how = ("content_type__model", "object_id", "object_repr"), ("action_flag", "change_message")
    entries = LogEntry.objects.order_by("action_time", "pk").values_list(*what, "user", "action_time", *how)
    return sorted(entries, key=lambda said: int(said[1]))


def entry(pk: int, user: User) -> tuple[Any, ...]:
    """Return what the history says of a refund that the user has tried again."""
    return ("refund", str(pk), f"refund {pk}", user.pk, PRESSED, CHANGE, "Tried again after: card closed")


def test_chosen_failed_refunds_are_tried_again(client: Client, user: User) -> None:
    """Two are pending again, with one message and a history entry each; the others are unchanged and counted."""
    pending = make_refund(failure="timeout", attempts=2).pk
    failed = make_failed(2)
    paid = make_refund(status="succeeded", settled_at=PRESSED, receipt="r").pk
    under_way = make_processing().pk
    make_failed()
    before = refund_rows()
    page = try_again(client, [pending, *failed, paid, under_way, *failed], index=0, select_across=0)
    assert page.redirect_chain == [(REFUNDS, 302)]
    assert texts(page) == ["Tried again: 2. Left as they were: 3 (not failed)."]
    reset = {"status": "pending", "attempts": 0, "first_attempt_at": None, "tried_again": 1, "settled_at": None}
    reset |= {"due_at": PRESSED, "dispatched_at": PRESSED}
    assert refund_rows() == before | {pk: before[pk] | reset for pk in failed}
    assert queued() == [Message("refunds.pay_refunds", {"first_id": failed[0], "last_id": failed[1]}, None)]
    assert log() == [entry(pk, user) for pk in failed]


def test_second_press_begins_no_second_round(client: Client, user: User) -> None:
    """The second press finds no failed refund, also on the list of failed refunds, and shows a warning."""
    ids = make_failed(3)
    assert texts(try_again(client, ids, index=0)) == ["Tried again: 3."]
    with unchanged():
        for query in ("", "?status=failed"):
            page = try_again(client, ids, query, index=0)
            assert texts(page) == ["Tried again: 0. Left as they were: 3 (not failed)."]
            assert [message.level for message in page.context["messages"]] == [messages.WARNING]
    assert log() == [entry(pk, user) for pk in ids]


def send_shown(client: Client, page: Any, query: str = "") -> Any:
    """Send the form of the page that shows what would be tried again."""
    return try_again(client, ["0"], query, select_across=1, shown=page.context["ids"])


def test_across_pages_a_page_shows_what_would_be_tried_again(client: Client) -> None:
    """Count, sums and the first ten names of the failed that the filters match; without any, there is no form."""
    make_refund()
    empty = try_again(client, ["0"], select_across=1).text
    assert "there is nothing to try again" in empty
    assert 'name="shown"' not in empty
    make_failed(12)
    make_failed(1, amount_minor=500, currency="EUR")
    make_failed(1, failure="other")
    with unchanged():
        page = try_again(client, ["0"], "?q=1001", index=0, select_across=1)
    assert page.context["totals"] == [("EUR", 1, "5.00 EUR"), ("GBP", 13, "162.50 GBP")]
    assert f"{Refund.objects.filter(status='failed').earliest('pk')}, 1001/1, c-1: card closed" in page.text
    assert "and 4 more" in page.text


def test_across_pages_the_shown_refunds_are_tried_again(client: Client, user: User) -> None:
    """All failed refunds, more than a page of the list holds; nothing else."""
    failed = make_failed(120)
    pending = [row.pk for row in make_requests(3, status="approved")]
    before = refund_rows(*pending)
    page = send_shown(client, try_again(client, ["0"], "?status=failed", select_across=1), "?status=failed")
    assert page.redirect_chain == [(f"{REFUNDS}?status=failed", 302)]
    assert texts(page) == ["Tried again: 120."]
    assert {row["tried_again"] for row in refund_rows(*failed).values()} == {1}
    assert refund_rows(*pending) == before
    assert log() == [entry(pk, user) for pk in failed]
    assert [message.kwargs for message in queued()] == [{"first_id": failed[0], "last_id": failed[-1]}]


def test_across_pages_a_later_failure_is_left(client: Client) -> None:
    """One between the shown ids and one above them; one of the shown that was paid since is left too, and counted."""
    ids = make_failed(3)
    late = make_refund().pk
    Refund.objects.filter(pk=ids[1]).update(status="pending", settled_at=None, failure="")
    shown = try_again(client, ["0"], select_across=1)
    assert shown.context["count"] == 2
    Refund.objects.filter(pk__in=[ids[1], late]).update(status="failed", settled_at=PRESSED, failure="late")
    Refund.objects.filter(pk=ids[2]).update(status="succeeded", receipt="r", failure="")
    assert texts(send_shown(client, shown)) == ["Tried again: 1. Left as they were: 1 (not failed)."]
    assert [pk for pk, row in refund_rows().items() if row["tried_again"]] == [ids[0]]


@pytest.mark.parametrize("shown", ["x", "1 x", "-1", "9" * 30, "1,2"])
def test_forged_shown_ids_change_nothing(client: Client, shown: str) -> None:
    """The answer is a message, not an error page."""
    make_failed(2)
    with unchanged():
        page = try_again(client, ["0"], select_across=1, shown=shown)
    assert texts(page) == ["Nothing was changed: the form was not one that this page made. Choose from the list again."]


def test_more_rows_than_an_action_takes_are_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Across more than the list counts nothing is tried again; as many as it counts are."""
    monkeypatch.setattr("refunds.admin.base.COUNTED", 3)
    ids = make_failed(4)
    with unchanged():
        page = try_again(client, ["0"], select_across=1)
        forged = try_again(client, ["0"], select_across=1, shown=" ".join(map(str, ids)))
    assert texts(page) == ["Nothing was changed: more than 3 refunds have failed. Narrow the filters first."]
    assert texts(forged)[0].startswith("Nothing was changed: the form was not one")
    assert texts(try_again(client, ids[:3])) == ["Tried again: 3."]


def test_hundred_refunds_take_as_many_statements_as_one(client: Client) -> None:
    """Neither the refunds nor their history are written row by row."""
    statements = []
    try_again(client, make_failed())  # content types are looked up once a process
    for count in (1, 100):
        ids = make_failed(count)
        with CaptureQueriesContext(connection) as captured:
            try_again(client, ids, select_across=0)
        statements.append(len(captured))
    assert statements[0] == statements[1]
    assert len(log()) == 102


def test_history_has_user_time_and_earlier_failure(client: Client, clock: FrozenDateTimeFactory) -> None:
    """Each round has a line, with the failure that the next round overwrites."""
    (pk,) = make_failed()
    try_again(client, [pk])
    clock.move_to(PRESSED + HOUR)
    Refund.objects.update(status="failed", settled_at=PRESSED, failure="bank away")
    try_again(client, [pk])
    page = client.get(f"{REFUNDS}{pk}/history/")
    assert [(e.user.username, e.get_change_message()) for e in page.context["action_list"]] == [
        ("pat", "Tried again after: card closed"),
        ("pat", "Tried again after: bank away"),
    ]
    for pressed_at in (PRESSED, PRESSED + HOUR):
        assert date_format(timezone.localtime(pressed_at), "DATETIME_FORMAT") in page.text
