"""Whole days in virtual time, on both transports."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from celery_rehearsal import VirtualCelery
from django.core import mail

from refunds import queries
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Status
from refunds.gateways import Answer, Order, TryAgain
from refunds.gateways.wallet import Wallet
from refunds.models import Refund, ReturnRequest, Sweep
from refunds.operations import sweeps
from refunds.operations.audit import close_books

from ..factories import CUTOFF, NOON, PRESSED, make_requests
from .conftest import Start, press

pytestmark = pytest.mark.django_db(transaction=True)
BLINK = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)


class Down:
    """The wallet behind a network that is down until an instant, paying one refund at a time."""

    def __init__(self, celery: VirtualCelery, until: object) -> None:
        self.celery, self.until = celery, until

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        if self.celery.now < self.until:  # type: ignore[operator]  # a datetime
            raise TryAgain("gateway down")
        return Wallet().refund(order, idempotency_key)


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_a_day(start: Start, transport: str) -> None:
    """Pressed at 17:58, what is there is approved and paid; what comes later is declined at 18:00; the rest waits."""
    early = make_requests(20, received_at=NOON)
    celery = start(PRESSED - MINUTE, transport=transport)
    celery.run_until(PRESSED)
    press(celery)
    celery.advance(MINUTE)
    between = make_requests(5, received_at=celery.now)
    celery.run_until(CUTOFF)
    after = make_requests(3, received_at=celery.now)
    celery.advance(5 * MINUTE)
    assert {row.pk: row.status for row in ReturnRequest.objects.all()} == (
        dict.fromkeys((row.pk for row in early), Status.APPROVED)
        | dict.fromkeys((row.pk for row in between), Status.DECLINED)
        | dict.fromkeys((row.pk for row in after), Status.REQUESTED)
    )
    assert set(ReturnRequest.objects.filter(status=Status.DECLINED).values_list("decided_at")) == {(CUTOFF,)}
    assert set(Refund.objects.values_list("status", "settled_at")) == {(RefundStatus.SUCCEEDED, PRESSED)}
    assert close_books().problems == []
    assert celery.timeline.of("failed") == celery.timeline.of("expired") == []


def test_a_second_press_and_a_second_18_change_nothing(start: Start) -> None:
    """With everything decided, another approve-all and another decline of the day leave every row as it was."""
    make_requests(10)
    celery = start(PRESSED)
    press(celery)
    celery.run_until(CUTOFF + MINUTE)
    rows, refunds = list(ReturnRequest.objects.values()), list(Refund.objects.values())
    press(celery)
    sweeps.decline_pending(celery.now)
    celery.advance(5 * MINUTE)
    assert (list(ReturnRequest.objects.values()), list(Refund.objects.values())) == (rows, refunds)


def test_everything_at_once_pays_each_approved_request_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateway down for three minutes, a worker killed at 17:59, two beats: the books are equal at 18:15."""
    make_requests(50, customer_email="c@example.com")
    celery = start(PRESSED, transport="fakeredis", beats=2, workers=2)
    gateway = Down(celery, PRESSED + 3 * MINUTE)
    monkeypatch.setattr("refunds.tasks.gateway", lambda: gateway)
    press(celery)
    celery.run_until(PRESSED + MINUTE)
    celery.kill_worker("worker1")
    late = make_requests(5, received_at=celery.now)
    celery.run_until(CUTOFF + 15 * MINUTE)
    books = close_books()
    assert books.problems == []
    assert (books.count(Status.APPROVED), books.count(Status.DECLINED)) == (50, len(late))
    assert books.count(RefundStatus.SUCCEEDED) == 50
    assert all(refund.settled_at and refund.settled_at >= gateway.until for refund in Refund.objects.all())  # type: ignore[operator]  # a datetime
    assert len([letter for letter in mail.outbox if letter.to == ["c@example.com"]]) == 50


def test_a_broker_that_forgets_everything_loses_nothing(start: Start) -> None:
    """Wiped between the button and its worker, the broker costs a minute or two and no row."""
    make_requests(10)
    celery = start(NOON)
    celery.stop_worker()
    press(celery)
    celery.lose_broker()
    celery.start_worker()
    celery.advance(5 * MINUTE)
    assert close_books().count(RefundStatus.SUCCEEDED) == 10


def test_a_broker_that_is_down_at_18_delays_the_decline_by_half_a_minute(start: Start) -> None:
    """Beat's message is lost and its run is not repeated until tomorrow; the reconciler starts the sweep."""
    make_requests(3, received_at=PRESSED)
    celery = start(CUTOFF - MINUTE / 4)
    celery.fail_publish(1)
    celery.advance(MINUTE)
    assert set(ReturnRequest.objects.values_list("status", flat=True)) == {Status.DECLINED}
    assert Sweep.objects.get().scheduled_for == CUTOFF


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_a_doubled_message_does_nothing_twice(start: Start, transport: str) -> None:
    """Every message of a day delivered twice leaves the same rows."""
    make_requests(10, customer_email="c@example.com")
    celery = start(PRESSED, transport=transport, beats=0)
    press(celery)
    celery.run_until_idle()
    for record in celery.timeline.of("sent"):
        celery.deliver_twice(record.id)
    celery.run_until_idle()
    assert len(celery.timeline.of("doubled")) == len(celery.timeline.of("sent"))
    assert close_books().problems == []
    assert (Refund.objects.count(), len(mail.outbox)) == (10, 10)


def test_a_worker_killed_in_the_middle_of_a_chunk_leaves_it_whole_or_untouched(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the rows are decided and before their refunds are owed, the transaction is as if never begun."""
    make_requests(10)
    celery = start(PRESSED, beats=0)
    owe: Callable[..., None] = queries.insert_refunds
    lives = iter([True])

    def kill_first(*args: object, **kwargs: object) -> None:
        if next(lives, False):
            celery.kill_worker()
        owe(*args, **kwargs)

    monkeypatch.setattr(queries, "insert_refunds", kill_first)
    press(celery)
    celery.advance(MINUTE / 60)
    assert close_books().count(Status.REQUESTED) == 10
    assert Refund.objects.count() == 0
    celery.start_worker()
    celery.run_until_idle()
    assert close_books().count(RefundStatus.SUCCEEDED) == 10
