"""Whole days in virtual time, on both transports."""

from datetime import datetime
from typing import Any

import pytest
from celery_rehearsal import VirtualCelery

from refunds import queries, tasks
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Status
from refunds.gateways import Answer, Order, TryAgain
from refunds.gateways.wallet import Wallet
from refunds.management.audit import run_audit
from refunds.models import Refund, ReturnRequest, Sweep
from refunds.operations import sweeps

from ..factories import CUTOFF, MINUTE, NOON, PRESSED, SECOND, make_requests
from .conftest import Start, on_both_transports, press, statuses

pytestmark = pytest.mark.django_db(transaction=True)


class Down:
    """The wallet behind a network that is down until an instant, paying one refund at a time."""

    def __init__(self, celery: VirtualCelery, until: datetime) -> None:
        self.celery, self.until = celery, until

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        if self.celery.now < self.until:
            raise TryAgain("gateway down")
        return Wallet().refund(order, idempotency_key)


@on_both_transports
def test_a_day(start: Start, transport: str) -> None:
    """The button approves and pays what is there; the cutoff declines what came later; the rest waits."""
    early = make_requests(20, received_at=NOON)
    celery = start(PRESSED - MINUTE, transport=transport)
    celery.run_until(PRESSED)
    press(celery)
    celery.advance(MINUTE)
    between = make_requests(5, received_at=celery.now)
    celery.run_until(CUTOFF)
    after = make_requests(3, received_at=celery.now)
    celery.advance(5 * MINUTE)
    assert statuses() == {Status.APPROVED: early, Status.DECLINED: between, Status.REQUESTED: after}
    assert set(ReturnRequest.objects.filter(status=Status.DECLINED).values_list("decided_at")) == {(CUTOFF,)}
    assert set(Refund.objects.values_list("status", "settled_at")) == {(RefundStatus.SUCCEEDED, PRESSED)}
    assert run_audit().problems == []
    assert celery.timeline.of("failed") == celery.timeline.of("expired") == []


def test_second_press_and_second_cutoff_change_nothing(start: Start) -> None:
    """When everything is decided, another press and another decline of the day leave every row as it was."""
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
    """The gateway is down for three minutes, a worker is killed, two beats run: the audit finds nothing wrong."""
    make_requests(50)
    celery = start(PRESSED, transport="fakeredis", beats=2, workers=2)
    gateway = Down(celery, PRESSED + 3 * MINUTE)
    monkeypatch.setattr(tasks, "gateway", lambda: gateway)
    press(celery)
    celery.run_until(PRESSED + MINUTE)
    celery.kill_worker("worker1")
    late = make_requests(5, received_at=celery.now)
    celery.run_until(CUTOFF + 15 * MINUTE)
    audit = run_audit()
    assert audit.problems == []
    assert (audit.count(Status.APPROVED), audit.count(Status.DECLINED)) == (50, len(late))
    assert audit.count(RefundStatus.SUCCEEDED) == Refund.objects.filter(settled_at__gte=gateway.until).count() == 50


def test_broker_that_loses_its_messages_loses_no_row(start: Start) -> None:
    """When the broker is wiped between the button and its worker, everything is paid some minutes later."""
    make_requests(10)
    celery = start(NOON)
    celery.stop_worker()
    press(celery)
    celery.lose_broker()
    celery.start_worker()
    celery.advance(5 * MINUTE)
    assert run_audit().count(RefundStatus.SUCCEEDED) == 10


def test_broker_that_is_down_at_the_cutoff_delays_the_decline_by_half_a_minute(start: Start) -> None:
    """Beat does not repeat its lost message until the next day; the reconciler starts the sweep."""
    rows = make_requests(3, received_at=PRESSED)
    celery = start(CUTOFF - MINUTE / 4)
    celery.fail_publish(1)
    celery.advance(MINUTE)
    assert statuses() == {Status.DECLINED: rows}
    assert Sweep.objects.get().scheduled_for == CUTOFF


@on_both_transports
def test_doubled_message_does_nothing_twice(start: Start, transport: str) -> None:
    """Every message of a day delivered twice leaves the same rows."""
    make_requests(10)
    celery = start(PRESSED, transport=transport, beats=0)
    press(celery)
    celery.run_until_idle()
    for record in celery.timeline.of("sent"):
        celery.deliver_twice(record.id)
    celery.run_until_idle()
    assert len(celery.timeline.of("doubled")) == len(celery.timeline.of("sent"))
    assert run_audit().problems == []
    assert Refund.objects.count() == 10


def test_worker_killed_in_the_middle_of_a_chunk_leaves_it_untouched(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the rows are decided and before their refunds are inserted, the worker leaves no trace."""
    rows = make_requests(10)
    celery = start(PRESSED, beats=0)
    insert, lives = queries.insert_refunds, iter([True])

    def kill_first(*args: Any) -> None:
        if next(lives, False):
            celery.kill_worker()
        insert(*args)

    monkeypatch.setattr(queries, "insert_refunds", kill_first)
    press(celery)
    celery.advance(SECOND)
    assert statuses() == {Status.REQUESTED: rows}
    assert Refund.objects.count() == 0
    celery.start_worker()
    celery.run_until_idle()
    assert run_audit().count(RefundStatus.SUCCEEDED) == 10
