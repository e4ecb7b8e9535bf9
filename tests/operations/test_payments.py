"""Paying one refund: attempts, leases, receipts and giving up."""

from datetime import timedelta
from typing import Any

import pytest

from refunds.domain.refunds import RefundStatus
from refunds.domain.retries import GiveUp, Retry, RetryPolicy
from refunds.domain.returns import Decision
from refunds.gateways import Order, Refused, Settled, TryAgain
from refunds.gateways.wallet import Wallet
from refunds.models import Refund, WalletEntry
from refunds.operations.decisions import decide_chosen
from refunds.operations.payments import LEASE, NotNow, pay_refund

from ..factories import NOON, make_requests, order
from .conftest import Limit
from .payers import Paced, Scripted

pytestmark = pytest.mark.django_db
POLICY = RetryPolicy(max_attempts=3)


@pytest.fixture
def refund() -> Refund:
    """One pending refund, due at noon."""
    (request,) = make_requests()
    decide_chosen([request.pk], Decision.APPROVE, by=None, note="", now=NOON)
    return Refund.objects.get()


def test_paid_refund_has_its_receipt_and_is_not_paid_again(refund: Refund) -> None:
    """The provider gets amount, currency, customer and the request's key; a second attempt does not reach it."""
    gateway = Scripted("re_1")
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0) == Settled("re_1")
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0) == NotNow()
    assert gateway.asked == [(order(refund), refund.request.key)]
    refund.refresh_from_db()
    assert (refund.status, refund.receipt, refund.settled_at, refund.attempts) == (
        RefundStatus.SUCCEEDED,
        "re_1",
        NOON,
        1,
    )


def test_refusal_fails_the_refund_with_its_reason(refund: Refund) -> None:
    """A refused refund fails at once and waits for an operator, who reads no more than 500 characters."""
    said = "card closed" + "x" * 500
    gateway = Scripted(Refused(said))
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0) == GiveUp(said[:500])
    refund.refresh_from_db()
    assert (refund.status, refund.failure, refund.receipt) == (RefundStatus.FAILED, said[:500], "")


def test_temporary_failure_makes_the_refund_due_later(refund: Refund) -> None:
    """The refund stays pending, and is attempted with the same key, but not before it is due."""
    gateway = Scripted(TryAgain("timeout"), "re_1")
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0, policy=POLICY) == Retry(timedelta(seconds=1))
    due = NOON + timedelta(seconds=1)
    refund.refresh_from_db()
    assert (refund.status, refund.due_at, refund.failure, refund.dispatched_at) == ("pending", due, "timeout", due)
    before = pay_refund(refund.pk, due - timedelta(microseconds=1), gateway=gateway, jitter=0, policy=POLICY)
    assert before == NotNow()
    assert pay_refund(refund.pk, due, gateway=gateway, jitter=0, policy=POLICY) == Settled("re_1")
    assert len({key for _, key in gateway.asked}) == 1
    refund.refresh_from_db()
    assert (refund.attempts, refund.first_attempt_at) == (2, NOON)


def test_long_wait_is_left_to_the_reconciler(refund: Refund) -> None:
    """A wait that is too long for a message sends none, and the reconciler sends the refund once it is due."""
    wait = timedelta(minutes=5)
    gateway = Scripted(TryAgain("429", after=wait))
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0) == Retry(wait)
    refund.refresh_from_db()
    assert (refund.due_at, refund.dispatched_at) == (NOON + wait, None)


def test_last_attempt_fails_the_refund_with_the_reason(refund: Refund) -> None:
    """After the last attempt of the policy the refund fails with the message of the last failure."""
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


def test_bug_leaves_the_refund_pending_until_the_last_attempt(refund: Refund) -> None:
    """An unexpected error propagates and keeps the lease; after the last attempt the refund fails without a call."""
    now = NOON
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            pay_refund(refund.pk, now, gateway=Scripted(ZeroDivisionError()), jitter=0, policy=POLICY)
        assert pay_refund(refund.pk, now, gateway=Scripted(), jitter=0, policy=POLICY) == NotNow()
        now += LEASE
    verdict = pay_refund(refund.pk, now, gateway=Scripted(), jitter=0, policy=POLICY)
    assert verdict == GiveUp("gave up after 3 attempts without an answer; the last said: ZeroDivisionError: ")
    assert Refund.objects.get().status == RefundStatus.FAILED


def test_crash_after_the_wallet_paid_pays_nothing_twice(refund: Refund) -> None:
    """A credit without a receipt, as a crash leaves it, gets its receipt from the next attempt and stays one credit."""
    Wallet().refund(order(refund), refund.request.key)
    assert pay_refund(refund.pk, NOON, gateway=Wallet(), jitter=0) == Settled(f"wallet:{refund.pk}")
    assert WalletEntry.objects.count() == 1


def test_ledger_entry_cannot_be_changed(refund: Refund) -> None:
    """The ledger accepts only new entries."""
    Wallet().refund(order(refund), refund.request.key)
    entry = WalletEntry.objects.get()
    entry.amount_minor = 1
    with pytest.raises(TypeError, match="is in the ledger and cannot be changed"):
        entry.save()
    assert WalletEntry.objects.get().amount_minor == 1250


@pytest.mark.parametrize("answer", ["re_1", Refused("card closed"), TryAgain("429", after=timedelta(minutes=5))])
def test_outcome_has_the_time_of_the_end_of_the_call(refund: Refund, answer: Exception | str) -> None:
    """Settlement and retry of a call of half a minute count from its end."""
    ended = NOON + timedelta(seconds=30)
    pay_refund(refund.pk, NOON, gateway=Scripted(answer), jitter=0, clock=lambda: ended)
    refund.refresh_from_db()
    assert refund.first_attempt_at == NOON
    if isinstance(answer, TryAgain):
        assert (refund.settled_at, refund.due_at) == (None, ended + timedelta(minutes=5))
    else:
        assert refund.settled_at == ended


@pytest.mark.parametrize("comes", [True, False])
def test_refund_counts_as_sent_while_its_call_waits(refund: Refund, limit: Limit, comes: bool) -> None:
    """While it waits its message counts as sent now; without its call it has none, and nothing is attempted."""

    class Waits(Paced):
        def asked(self, *, calls: int, **asked: Any) -> bool:
            asked["waiting"]()
            refund.refresh_from_db()
            return super().asked(calls=calls)

    waits = limit(Waits(0.02, permits=comes))
    later = NOON + timedelta(minutes=5)
    result = pay_refund(refund.pk, later, gateway=Scripted("re_1"), jitter=0)
    assert (waits.calls, refund.dispatched_at) == ([1], later)
    refund.refresh_from_db()
    assert result == (Settled("re_1") if comes else NotNow())
    assert (refund.attempts, refund.dispatched_at) == (int(comes), None)


def test_later_attempt_asks_for_two_calls(refund: Refund, limit: Limit) -> None:
    """It searches before it pays."""
    paced = limit(Paced(0.02))
    gateway = Scripted(TryAgain("timeout"), "re_1")
    for now in (NOON, NOON + timedelta(minutes=1)):
        pay_refund(refund.pk, now, gateway=gateway, jitter=0)
    assert paced.calls == [1, 2]


class ByWord:
    """A gateway of before: its answer is a text."""

    def refund(self, order: Order, idempotency_key: str) -> str:
        return "re_1"


def test_answer_of_another_type_is_a_bug(refund: Refund) -> None:
    """The error names the answer and the expected types, and the refund stays pending."""
    with pytest.raises(TypeError, match=r"the gateway answered 're_1': refund\(\) must return Settled or UnderWay"):
        pay_refund(refund.pk, NOON, gateway=ByWord(), jitter=0)  # type: ignore[arg-type]  # which is what is tested
    refund.refresh_from_db()
    assert (refund.status, refund.receipt, refund.attempts) == ("pending", "", 1)
    assert "must return Settled or UnderWay" in refund.failure
