"""Crashes, bugs and lost answers delay a payment, in virtual time, and cost nothing else."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from refunds import tasks
from refunds.domain.refunds import RefundStatus
from refunds.gateways import Answer, Order
from refunds.management.audit import run_audit
from refunds.models import Refund
from refunds.operations.payments import LEASE, POLICY

from ..factories import NOON
from ..gateways.provider import Call, InMemory, answer_lost
from .conftest import Start, on_both_transports
from .paying import MINUTE, SECOND, approve, look_after

pytestmark = pytest.mark.django_db(transaction=True)


@on_both_transports
@pytest.mark.parametrize("paid", [True, False])
def test_crash_between_attempt_and_receipt_pays_once(
    start: Start, gateway: InMemory, transport: str, paid: bool
) -> None:
    """A worker that is killed before or after the call leaves an attempt that is repeated with the same key."""
    celery = start(NOON, transport=transport)

    def die(call: Call) -> Answer:
        if paid:
            call()
        celery.kill_worker()
        raise AssertionError("a dead worker goes on")

    gateway.faults.append(die)
    approve(gateway, 1, NOON)
    celery.advance(SECOND)
    crashed = Refund.objects.get()
    assert (crashed.status, crashed.attempts, crashed.receipt) == (RefundStatus.PENDING, 1, "")
    celery.start_worker()
    celery.advance(3 * MINUTE)
    (entry,) = gateway.provider.refunds
    refund = Refund.objects.get()
    assert (refund.status, refund.receipt, refund.attempts) == (RefundStatus.SUCCEEDED, entry.id, 2)
    assert refund.settled_at == look_after(NOON + LEASE)
    calls = [(order.asked_before, key) for order, key in gateway.calls]
    assert calls == [(False, refund.request.key), (True, refund.request.key)]


class Poisonous(InMemory):
    """A provider whose answer to one payment breaks its reader."""

    def __init__(self, effect: Callable[[], None]) -> None:
        super().__init__()
        self.effect = effect
        self.poison = ""

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        """Settle each payment except the poisoned one."""
        if order.payment == self.poison:
            self.calls.append((order, idempotency_key))
            self.effect()
        return super().refund(order, idempotency_key)


def nonsense() -> None:
    """Raise what a gateway raises that does not expect a provider's nonsense."""
    raise KeyError("id")


def test_poison_refund_ends_failed_and_stops_no_other(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are paid at once; after the last attempt, its reason is the bug."""
    gateway = Poisonous(nonsense)
    monkeypatch.setattr(tasks, "gateway", lambda: gateway)
    celery = start(NOON, workers=2)
    rows = approve(gateway, 9, NOON)
    gateway.poison = Refund.objects.get(pk=rows[4]).request.payment
    celery.advance(SECOND)
    assert run_audit().count(RefundStatus.SUCCEEDED) == 8
    celery.advance(timedelta(hours=1))
    refund = Refund.objects.get(pk=rows[4])
    assert (refund.status, refund.attempts) == (RefundStatus.FAILED, POLICY.max_attempts)
    assert refund.failure == "gave up after 12 attempts without an answer; the last said: KeyError: 'id'"
    assert len([order for order, _ in gateway.calls if order.payment == gateway.poison]) == POLICY.max_attempts


@on_both_transports
def test_refund_that_kills_each_worker_ends_failed(
    start: Start, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    """The message comes back after each kill, and a worker is lost once for each attempt."""
    gateway = Poisonous(lambda: celery.kill_worker())  # noqa: PLW0108  # the cluster is not there yet
    monkeypatch.setattr(tasks, "gateway", lambda: gateway)
    celery = start(NOON, transport=transport)
    rows = approve(gateway, 5, NOON)
    gateway.poison = Refund.objects.get(pk=rows[0]).request.payment
    for _ in range(90):
        celery.advance(30 * SECOND)
        if celery.workers_down:
            celery.start_worker()
    assert len(celery.timeline.of("worker lost")) == POLICY.max_attempts
    audit = run_audit()
    assert (audit.count(RefundStatus.SUCCEEDED), audit.count(RefundStatus.FAILED)) == (4, 1)
    assert Refund.objects.get(pk=rows[0]).failure == "gave up after 12 attempts without an answer"


def test_lost_answer_is_found_at_the_next_attempt(start: Start, gateway: InMemory) -> None:
    """The money moves once, and the refund gets the receipt of the first call."""
    celery = start(NOON)
    gateway.faults.extend([answer_lost, answer_lost])
    approve(gateway, 1, NOON)
    celery.advance(MINUTE)
    (entry,) = gateway.provider.refunds
    assert Refund.objects.get().receipt == entry.id
