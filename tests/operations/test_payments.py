"""Paying one refund: attempts, leases, receipts and giving up."""

from datetime import timedelta

import pytest

from refunds.domain.refunds import RefundStatus
from refunds.domain.retries import Again, GiveUp, RetryPolicy
from refunds.domain.returns import Decision
from refunds.gateways import Order, Refused, TryAgain
from refunds.gateways.wallet import Wallet
from refunds.models import Refund, WalletEntry
from refunds.operations.decisions import decide_chosen
from refunds.operations.payments import LEASE, NotNow, Paid, pay_refund

from ..factories import NOON, make_requests, order
from .payers import Paced, Scripted

pytestmark = pytest.mark.django_db
POLICY = RetryPolicy(max_attempts=3)


@pytest.fixture
def refund() -> Refund:
    """One pending refund, due at noon."""
    (request,) = make_requests()
    decide_chosen([request.pk], Decision.APPROVE, by=None, note="", now=NOON)
    return Refund.objects.get()


def test_a_paid_refund_has_its_receipt_and_is_not_paid_again(refund: Refund) -> None:
    """The provider is told amount, currency, customer and the request's key; a second attempt does not reach it."""
    gateway = Scripted("re_1")
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0) == Paid("re_1")
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0) == NotNow()
    assert gateway.asked == [(order(refund), refund.request.key)]
    refund.refresh_from_db()
    assert (refund.status, refund.receipt, refund.settled_at, refund.attempts) == (
        RefundStatus.SUCCEEDED,
        "re_1",
        NOON,
        1,
    )


def test_a_refusal_fails_the_refund_with_its_reason(refund: Refund) -> None:
    """A refused refund is failed at once and waits for a person."""
    gateway = Scripted(Refused("card closed"))
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0) == GiveUp("card closed")
    refund.refresh_from_db()
    assert (refund.status, refund.failure, refund.receipt) == (RefundStatus.FAILED, "card closed", "")


def test_a_failure_that_may_pass_makes_the_refund_due_later(refund: Refund) -> None:
    """The refund stays pending, is not attempted before it is due, and asks with the same key then."""
    gateway = Scripted(TryAgain("timeout"), "re_1")
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0, policy=POLICY) == Again(timedelta(seconds=1))
    due = NOON + timedelta(seconds=1)
    refund.refresh_from_db()
    assert (refund.status, refund.due_at, refund.failure, refund.dispatched_at) == ("pending", due, "timeout", due)
    before = pay_refund(refund.pk, due - timedelta(microseconds=1), gateway=gateway, jitter=0, policy=POLICY)
    assert before == NotNow()
    assert pay_refund(refund.pk, due, gateway=gateway, jitter=0, policy=POLICY) == Paid("re_1")
    assert len({key for _, key in gateway.asked}) == 1


def test_a_long_wait_is_left_to_the_reconciler(refund: Refund) -> None:
    """After a wait that is too long for a message the refund has none: the reconciler sends it once it is due."""
    wait = timedelta(minutes=5)
    gateway = Scripted(TryAgain("429", after=wait))
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0) == Again(wait)
    refund.refresh_from_db()
    assert (refund.due_at, refund.dispatched_at) == (NOON + wait, None)


def test_the_last_attempt_gives_up_and_says_why(refund: Refund) -> None:
    """After as many attempts as the policy allows the refund is failed with the last failure's words."""
    now = NOON
    for _ in range(2):
        pay_refund(refund.pk, now, gateway=Scripted(TryAgain("timeout")), jitter=0, policy=POLICY)
        now += timedelta(minutes=1)
    verdict = pay_refund(refund.pk, now, gateway=Scripted(TryAgain("timeout")), jitter=0, policy=POLICY)
    assert verdict == GiveUp("gave up after 3 attempts: timeout")
    refund.refresh_from_db()
    assert (refund.status, refund.failure, refund.attempts) == (
        RefundStatus.FAILED,
        "gave up after 3 attempts: timeout",
        3,
    )


def test_a_bug_leaves_the_refund_pending_until_its_attempts_are_used_up(refund: Refund) -> None:
    """An unforeseen error propagates, holds the refund for a lease, and in the end fails it without another call."""
    now = NOON
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            pay_refund(refund.pk, now, gateway=Scripted(ZeroDivisionError()), jitter=0, policy=POLICY)
        assert pay_refund(refund.pk, now, gateway=Scripted(), jitter=0, policy=POLICY) == NotNow()
        now += LEASE
    verdict = pay_refund(refund.pk, now, gateway=Scripted(), jitter=0, policy=POLICY)
    assert verdict == GiveUp("gave up after 3 attempts without an answer; the last said: ZeroDivisionError: ")
    assert Refund.objects.get().status == RefundStatus.FAILED


def test_a_crash_after_the_wallet_paid_pays_nothing_twice(refund: Refund) -> None:
    """A credit without a receipt, as a crash leaves it, gets its receipt from the next attempt and stays one credit."""
    Wallet().refund(order(refund), refund.request.key)
    assert pay_refund(refund.pk, NOON, gateway=Wallet(), jitter=0) == Paid(f"wallet:{refund.pk}")
    assert WalletEntry.objects.count() == 1


def test_a_ledger_entry_cannot_be_changed(refund: Refund) -> None:
    """The ledger is only ever added to."""
    Wallet().refund(order(refund), refund.request.key)
    entry = WalletEntry.objects.get()
    entry.amount_minor = 1
    with pytest.raises(TypeError, match="is in the ledger and cannot be changed"):
        entry.save()
    assert WalletEntry.objects.get().amount_minor == 1250


@pytest.mark.parametrize("answer", ["re_1", Refused("card closed"), TryAgain("429", after=timedelta(minutes=5))])
def test_an_outcome_is_of_the_end_of_the_call(refund: Refund, answer: Exception | str) -> None:
    """A call that takes half a minute is settled, or put off, from then on."""
    ended = NOON + timedelta(seconds=30)
    pay_refund(refund.pk, NOON, gateway=Scripted(answer), jitter=0, clock=lambda: ended)
    refund.refresh_from_db()
    assert refund.first_attempt_at == NOON
    if isinstance(answer, TryAgain):
        assert (refund.settled_at, refund.due_at) == (None, ended + timedelta(minutes=5))
    else:
        assert refund.settled_at == ended


@pytest.mark.parametrize("comes", [True, False])
def test_a_task_waits_for_its_permit_and_is_in_hand_until_then(refund: Refund, comes: bool) -> None:
    """While it waits its message counts as sent now; without a permit in time it has none, and nothing is attempted."""
    waits: list[timedelta] = []

    class Late(Paced):
        def take(self, calls: int = 1, wait: timedelta = timedelta(0)) -> bool:
            waits.append(wait)
            refund.refresh_from_db()
            return comes and wait > timedelta(0)

    later = NOON + timedelta(minutes=5)
    result = pay_refund(refund.pk, later, gateway=Scripted("re_1"), jitter=0, limiter=Late(0.02))
    assert (waits, refund.dispatched_at) == ([timedelta(0), timedelta(seconds=5)], later)
    refund.refresh_from_db()
    assert result == (Paid("re_1") if comes else NotNow())
    assert (refund.attempts, refund.dispatched_at) == (int(comes), None)


def test_later_attempt_takes_a_permit_for_two_calls(refund: Refund) -> None:
    """It searches before it pays."""
    limiter = Paced(0.02)
    gateway = Scripted(TryAgain("timeout"), "re_1")
    for now in (NOON, NOON + timedelta(minutes=1)):
        pay_refund(refund.pk, now, gateway=gateway, jitter=0, limiter=limiter)
    assert limiter.taken == [1, 2]


class ByWord:
    """A gateway of before: its answer is a text."""

    def refund(self, order: Order, idempotency_key: str) -> str:
        return "re_1"


def test_an_answer_that_is_neither_settled_nor_under_way_is_a_bug(refund: Refund) -> None:
    """It is named with what it must be; the refund stays pending, and is neither paid nor failed by it."""
    with pytest.raises(TypeError, match=r"the gateway answered 're_1': refund\(\) must return Settled or UnderWay"):
        pay_refund(refund.pk, NOON, gateway=ByWord(), jitter=0)  # type: ignore[arg-type]  # which is what is tested
    refund.refresh_from_db()
    assert (refund.status, refund.receipt, refund.attempts) == ("pending", "", 1)
    assert "must return Settled or UnderWay" in refund.failure
