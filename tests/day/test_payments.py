"""Paying through a provider, in virtual time: when attempts come, what crashes cost, and who waits for a turn."""

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core import mail

from refunds import tasks
from refunds.domain.pacing import Rate
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision
from refunds.gateways import Order, Refused, TryAgain
from refunds.gateways.limiter import LARGEST_TURN, Throttle
from refunds.models import Refund
from refunds.operations.books import close_books
from refunds.operations.decisions import decide_chosen
from refunds.operations.payments import LEASE, POLICY
from refunds.testkit import VirtualCelery

from ..factories import NOON, make_requests
from ..gateways.provider import InMemory, answer_lost
from .conftest import Start

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
Call = Callable[[], str]


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    """A provider that every task pays through."""
    made = InMemory()
    monkeypatch.setattr(tasks, "gateway", lambda: made)
    return made


@pytest.fixture
def halfway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait is half of the longest that the policy could draw."""
    monkeypatch.setattr(random, "random", lambda: 0.5)


def approve(gateway: InMemory, count: int, at: datetime) -> list[int]:
    """So many requests of 12.50 GBP, paid for at the provider and approved."""
    rows = [make_requests(payment=gateway.provider.pay(1250), received_at=at)[0] for _ in range(count)]
    decide_chosen([row.pk for row in rows], Decision.APPROVE, by=None, note="", now=at)
    return [row.pk for row in rows]


def timed(celery: VirtualCelery, instants: list[datetime], *answers: Exception | None) -> list[Callable[[Call], str]]:
    """Faults that note when they are called; an exception is raised without making the call."""

    def fault(answer: Exception | None) -> Callable[[Call], str]:
        def meet(call: Call) -> str:
            instants.append(celery.now)
            if answer is not None:
                raise answer
            return call()

        return meet

    return [fault(answer) for answer in answers]


def look_after(instant: datetime) -> datetime:
    """The reconciler's next look: beat, started at noon, sends it each 30 seconds."""
    looks = -((NOON - instant) // (30 * SECOND))
    return NOON + looks * 30 * SECOND


@pytest.mark.usefixtures("halfway")
@pytest.mark.parametrize("transport", ["memory", "fakeredis"])
def test_attempts_come_when_the_policy_says(start: Start, gateway: InMemory, transport: str) -> None:
    """1, 2, 4, 8, 16 and 32 seconds by message, longer waits at the reconciler's next look; the twelfth gives up."""
    celery = start(NOON, transport=transport)
    instants: list[datetime] = []
    gateway.faults.extend(timed(celery, instants, *[TryAgain("timeout")] * 20))
    approve(gateway, 1, NOON)
    celery.advance(timedelta(hours=6))
    expected = [NOON]
    for attempt in range(1, POLICY.max_attempts):
        due = expected[-1] + min(2**attempt * SECOND, 10 * MINUTE) / 2
        expected.append(due if due - expected[-1] <= MINUTE else look_after(due))
    assert instants == expected
    refund = Refund.objects.get()
    assert (refund.status, refund.failure, refund.settled_at) == (
        RefundStatus.FAILED,
        "gave up after 12 attempts: timeout",
        expected[-1],
    )
    assert {key for _, key in gateway.calls} == {refund.request.key}


@pytest.mark.usefixtures("halfway")
@pytest.mark.parametrize(("after", "by_message"), [(45 * SECOND, True), (60 * SECOND, True), (301 * SECOND, False)])
def test_a_retry_after_is_obeyed(start: Start, gateway: InMemory, after: timedelta, by_message: bool) -> None:
    """Up to a minute a message waits to the second; beyond, no message waits and the reconciler sends one when due."""
    celery = start(NOON)
    instants: list[datetime] = []
    gateway.faults.extend(timed(celery, instants, TryAgain("429", after=after), None))
    approve(gateway, 1, NOON)
    celery.advance(SECOND)
    waiting = [message.task for message in celery.pending().scheduled]
    assert waiting.count("refunds.pay_refund") == by_message
    celery.advance(10 * MINUTE)
    assert instants == [NOON, NOON + after if by_message else look_after(NOON + after)]
    assert close_books().count(RefundStatus.SUCCEEDED) == 1


@pytest.mark.usefixtures("halfway")
@pytest.mark.parametrize("after", [10 * SECOND, 5 * MINUTE])
def test_waits_count_from_the_end_of_a_slow_call(start: Start, gateway: InMemory, after: timedelta) -> None:
    """A provider that takes 40 seconds to ask for a pause gets all of it."""
    celery = start(NOON)
    instants: list[datetime] = []
    slow = 40 * SECOND

    def answer_late(_call: Call) -> str:
        time.sleep(slow.total_seconds())
        raise TryAgain("429", after=after)

    gateway.faults.extend([answer_late, *timed(celery, instants, None)])
    approve(gateway, 1, NOON)
    celery.advance(10 * MINUTE)
    (again,) = instants
    assert again >= NOON + slow + after
    refund = Refund.objects.get()
    assert (refund.status, refund.settled_at) == (RefundStatus.SUCCEEDED, again)


@pytest.mark.parametrize("transport", ["memory", "fakeredis"])
@pytest.mark.parametrize("paid", [True, False])
def test_a_crash_between_attempt_and_receipt_pays_once(
    start: Start, gateway: InMemory, transport: str, paid: bool
) -> None:
    """Killed with the call made or not made, the worker leaves an attempt that is asked again with its own key."""
    celery = start(NOON, transport=transport)

    def die(call: Call) -> str:
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
    assert [(order.asked_before, key) for order, key in gateway.calls] == [
        (False, refund.request.key),
        (True, refund.request.key),
    ]


class Poisonous(InMemory):
    """A provider whose answer to one payment breaks whoever reads it."""

    def __init__(self, effect: Callable[[], None]) -> None:
        super().__init__()
        self.effect = effect
        self.poison = ""

    def refund(self, order: Order, idempotency_key: str) -> str:
        """As usual but for the one."""
        if order.payment == self.poison:
            self.calls.append((order, idempotency_key))
            self.effect()
        return super().refund(order, idempotency_key)


def nonsense() -> None:
    """What a provider's nonsense does to a gateway that did not expect it."""
    raise KeyError("id")


def test_a_poison_refund_ends_failed_and_stops_nobody(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are paid at once; the bug is its reason after as many attempts as any refund gets."""
    gateway = Poisonous(nonsense)
    monkeypatch.setattr(tasks, "gateway", lambda: gateway)
    celery = start(NOON, workers=2)
    rows = approve(gateway, 9, NOON)
    gateway.poison = Refund.objects.get(pk=rows[4]).request.payment
    celery.advance(SECOND)
    assert close_books().count(RefundStatus.SUCCEEDED) == 8
    celery.advance(timedelta(hours=1))
    refund = Refund.objects.get(pk=rows[4])
    assert (refund.status, refund.attempts) == (RefundStatus.FAILED, POLICY.max_attempts)
    assert refund.failure == "gave up after 12 attempts without an answer; the last said: KeyError: 'id'"
    assert len([order for order, _ in gateway.calls if order.payment == gateway.poison]) == POLICY.max_attempts


@pytest.mark.parametrize("transport", ["memory", "fakeredis"])
def test_a_refund_that_kills_each_worker_ends_failed(
    start: Start, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    """However often its message comes back, the worker is lost as often as there are attempts."""
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
    books = close_books()
    assert (books.count(RefundStatus.SUCCEEDED), books.count(RefundStatus.FAILED)) == (4, 1)
    assert Refund.objects.get(pk=rows[0]).failure == "gave up after 12 attempts without an answer"


def test_a_refusal_ends_the_refund_and_its_key(start: Start, gateway: InMemory) -> None:
    """One call, no retry; what a person tries again is asked with another key."""
    celery = start(NOON)

    def refuse(_call: Call) -> str:
        raise Refused("card closed")

    gateway.faults.append(refuse)
    approve(gateway, 1, NOON)
    celery.advance(timedelta(hours=1))
    refund = Refund.objects.get()
    assert (refund.status, refund.failure, refund.settled_at) == (RefundStatus.FAILED, "card closed", NOON)
    assert len(gateway.calls) == 1
    assert refund.idempotency_key == f"{refund.request.key}:1"


def test_an_answer_that_is_lost_is_found_at_the_next_attempt(start: Start, gateway: InMemory) -> None:
    """The money moves once, and the customer is told once."""
    celery = start(NOON)
    gateway.faults.extend([answer_lost, answer_lost])
    (pk,) = approve(gateway, 1, NOON)
    Refund.objects.get(pk=pk).request.__class__.objects.update(customer_email="c@example.com")
    celery.advance(MINUTE)
    (entry,) = gateway.provider.refunds
    assert Refund.objects.get().receipt == entry.id
    assert [letter.subject for letter in mail.outbox] == ["Your refund of 12.50 GBP"]


@pytest.mark.parametrize(("transport", "workers"), [("memory", 1), ("fakeredis", 3)])
def test_calls_stay_within_the_rate_over_all_workers(
    start: Start, gateway: InMemory, monkeypatch: pytest.MonkeyPatch, transport: str, workers: int
) -> None:
    """10/s: in no second more than a burst beyond it; each refund paid once, in little more time than that takes."""
    celery = start(NOON, transport=transport, workers=workers)
    limiter = Throttle(Rate.parse("10/s"), "memory://")
    monkeypatch.setattr(tasks, "limiter", lambda: limiter)
    instants: list[datetime] = []
    gateway.faults.extend(timed(celery, instants, *[None] * 1000))
    for _ in range(10):  # spans that know nothing of each other
        approve(gateway, 30, NOON)
    celery.advance(10 * SECOND)
    approve(gateway, 300, celery.now)
    celery.advance(5 * MINUTE)
    assert len(gateway.provider.refunds) == len(instants) == 600
    assert close_books().count(RefundStatus.SUCCEEDED) == 600
    for instant in instants:
        assert sum(instant <= other < instant + SECOND for other in instants) <= 10 + LARGEST_TURN
    # 600 calls want a minute; spans that come at once leave each other's turns to the reconciler's next look.
    assert instants[-1] - instants[0] <= 1.5 * MINUTE
    assert len(celery.timeline.of("started", "refunds.pay_refund")) <= 2 * 600
