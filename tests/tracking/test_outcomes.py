"""Looking up how a refund ends: what each answer changes, and what a late answer does not."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from refunds.domain.refunds import RefundStatus
from refunds.domain.retries import GiveUp, RetryPolicy
from refunds.gateways import Refused, Settled, TryAgain, UnderWay
from refunds.gateways.wallet import Wallet
from refunds.models import Refund
from refunds.operations.bulk_payments import try_again
from refunds.operations.payments import LEASE, NotNow, pay_refund
from refunds.tracking.intervals import LONGEST_WAIT, SHORTEST_WAIT
from refunds.tracking.look_ups import hint
from refunds.tracking.models import LookUp
from refunds.tracking.outcomes import look_up_refund

from ..factories import NOON, make_refund
from ..operations.conftest import Limit, Published
from ..operations.payers import Paced, Scripted, Slow
from .rows import rows, under_way

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]

MINUTE = timedelta(minutes=1)
DUE = NOON + MINUTE
PENDING = UnderWay("re_1", "Stripe: pending")


@pytest.fixture
def refund() -> Refund:
    """A refund that was accepted at noon, to be looked up a minute later."""
    return under_way()


def row(refund: Refund) -> dict[str, object]:
    """All columns as they are now."""
    return rows(refund.pk)[refund.pk]


def paid(refund: Refund, **columns: object) -> Refund:
    """The refund, succeeded at noon, with a hint that is due."""
    values: dict[str, Any] = {"status": "succeeded", "settled_at": NOON, "failure": "", **columns}
    Refund.objects.filter(pk=refund.pk).update(**values)
    LookUp.objects.filter(pk=refund.pk).update(look_at=DUE)
    return refund


@pytest.mark.parametrize("reason", ["", "\0", "account\0closed", "\ud800"])
def test_reason_that_no_row_can_hold_still_fails_the_refund(refund: Refund, reason: str) -> None:
    """If the row could not be written, the provider would be asked each minute for ever."""
    assert look_up_refund(refund.pk, DUE, gateway=Scripted(Refused(reason))) == GiveUp(str(row(refund)["failure"]))
    assert row(refund)["status"] == RefundStatus.FAILED
    for answer, again in ((UnderWay("re_1", reason), under_way()), (TryAgain(reason), under_way())):
        look_up_refund(again.pk, DUE, gateway=Scripted(answer))
        assert row(again)["look_at"] == DUE + SHORTEST_WAIT


def test_an_accepted_refund_is_processing_and_not_requested_again() -> None:
    """It has the provider's id and what it waits for, and no outcome; a second message makes no call."""
    pending = make_refund(customer_email="c@example.com")
    gateway = Scripted(PENDING)
    assert pay_refund(pending.pk, NOON, gateway=gateway, jitter=0) == PENDING
    expected: dict[str, Any] = {"status": "processing", "receipt": "re_1", "failure": "Stripe: pending"}
    expected |= {"accepted_at": NOON, "look_at": NOON + SHORTEST_WAIT, "settled_at": None}
    assert row(pending) | expected == row(pending)
    before = row(pending)
    for later in (NOON, NOON + MINUTE, NOON + timedelta(days=3)):
        assert pay_refund(pending.pk, later, gateway=gateway, jitter=0) == NotNow()
    assert try_again([pending.pk], NOON) == []
    assert (len(gateway.asked), row(pending)) == (1, before)


def test_a_refund_under_way_is_looked_up_when_it_is_due_and_then_later(refund: Refund) -> None:
    """Not a microsecond before; each time later than the last time, without a change of its state."""
    gateway = Scripted(*[UnderWay("re_1", "Stripe: requires_action")] * 3)
    assert look_up_refund(refund.pk, DUE - timedelta(microseconds=1), gateway=gateway) == NotNow()
    for age in (MINUTE, 2 * MINUTE, timedelta(days=30)):
        LookUp.objects.filter(pk=refund.pk).update(look_at=NOON + age)
        look_up_refund(refund.pk, NOON + age, gateway=gateway)
        wait = min(age, LONGEST_WAIT)
        after = {"status": "processing", "failure": "Stripe: requires_action", "look_at": NOON + age + wait}
        assert row(refund) | after == row(refund)
        assert look_up_refund(refund.pk, NOON + age, gateway=gateway) == NotNow()
    assert gateway.looked_up == ["re_1"] * 3
    assert gateway.asked == []


def test_a_look_up_that_finds_success_settles_the_refund(refund: Refund, published: Published) -> None:
    """As of the end of the call, and the customer is told."""
    Refund.objects.filter(pk=refund.pk).update(failure="Stripe: pending")
    refund.request.customer_email = "c@example.com"
    refund.request.save()
    ended = DUE + timedelta(seconds=9)
    assert look_up_refund(refund.pk, DUE, gateway=Scripted("re_1"), clock=lambda: ended) == Settled("re_1")
    after = {"status": "succeeded", "receipt": "re_1", "failure": "", "settled_at": ended, "look_at": None}
    assert row(refund) | after | {"key_number": 0} == row(refund)


def test_a_look_up_that_finds_a_failure_fails_the_refund(refund: Refund) -> None:
    """With the provider's reason; the next try asks with another key. It is not one that had succeeded."""
    gateway = Scripted(Refused("Stripe: refund re_1 failed: expired_or_canceled_card"), "re_2")
    reason = "Stripe: refund re_1 failed: expired_or_canceled_card"
    assert look_up_refund(refund.pk, DUE, gateway=gateway) == GiveUp(reason)
    after = {"status": "failed", "failure": reason, "receipt": "", "settled_at": DUE, "look_at": None, "key_number": 1}
    assert row(refund) | after | {"reversed_at": None} == row(refund)
    assert try_again([refund.pk], DUE) == [refund.pk]
    assert pay_refund(refund.pk, DUE, gateway=gateway, jitter=0) == Settled("re_2")
    assert [(order.asked_before, key) for order, key in gateway.asked] == [(True, f"{refund.request.key}:1")]


@pytest.mark.parametrize("after", [None, timedelta(hours=9)])
def test_a_look_up_that_fails_changes_only_the_next_time(refund: Refund, after: timedelta | None) -> None:
    """However often: nothing is given up. What the provider asks to wait is never undercut."""
    now = DUE
    for _ in range(40):
        assert look_up_refund(refund.pk, now, gateway=Scripted(TryAgain("timeout", after))) == NotNow()
        wait = max(min(now - NOON, LONGEST_WAIT), after or MINUTE)
        changed = {"status": "processing", "receipt": "re_1", "look_at": now + wait, "failure": "timeout"}
        assert row(refund) | changed | {"key_number": 0, "attempts": 1} == row(refund)
        now += wait


def test_a_bug_in_a_look_up_is_raised_and_the_look_up_repeated(refund: Refund) -> None:
    """The refund stays under way."""
    with pytest.raises(ZeroDivisionError):
        look_up_refund(refund.pk, DUE, gateway=Scripted(ZeroDivisionError()))
    changed = {"status": "processing", "look_at": DUE + MINUTE, "failure": "ZeroDivisionError: "}
    assert row(refund) | changed == row(refund)


def test_one_look_up_runs_at_a_time(refund: Refund) -> None:
    """A second message during the call makes no call; a killed look-up is repeated after its lease."""
    second = Scripted()
    gateway = Slow(PENDING, lambda: look_up_refund(refund.pk, DUE, gateway=second))
    look_up_refund(refund.pk, DUE, gateway=gateway)
    assert (gateway.looked_up, second.looked_up) == (["re_1"], [])

    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    again = DUE + MINUTE
    with pytest.raises(Killed):
        look_up_refund(refund.pk, again, gateway=Slow("re_1", die))
    assert look_up_refund(refund.pk, again, gateway=second) == NotNow()
    assert look_up_refund(refund.pk, again + LEASE, gateway=Scripted("re_1")) == Settled("re_1")


def test_look_up_whose_call_has_to_wait_is_left_to_the_reconciler(refund: Refund, limit: Limit) -> None:
    """It asks for one call; without it nothing is looked up, and the next run of the reconciler sends it."""
    busy, gateway = limit(Paced(1, permits=False)), Scripted()
    assert look_up_refund(refund.pk, DUE, gateway=gateway) == NotNow()
    assert (busy.calls, gateway.looked_up) == ([1], [])
    assert row(refund) | {"look_at": DUE, "sent_at": None} == row(refund)


def test_a_refund_that_fails_after_it_succeeded_is_failed_and_says_so(
    refund: Refund, published: Published, caplog: pytest.LogCaptureFixture
) -> None:
    """It is marked for `health`, the log has a line, and the next try asks with another key."""
    paid(refund)
    reason = "failed after it had succeeded: Stripe: refund re_1 failed: lost_or_stolen_card"
    answer = Refused("Stripe: refund re_1 failed: lost_or_stolen_card")
    assert look_up_refund(refund.pk, DUE, gateway=Scripted(answer)) == GiveUp(reason)
    after = {"status": "failed", "failure": reason, "receipt": "", "settled_at": DUE, "reversed_at": DUE}
    assert row(refund) | after | {"look_at": None, "key_number": 1} == row(refund)
    assert reason in caplog.text
    try_again([refund.pk], DUE + MINUTE)
    assert row(refund)["reversed_at"] is None


def test_a_hint_about_a_paid_refund_that_is_still_paid_changes_nothing(refund: Refund) -> None:
    """Its settlement and notice stay; there is nothing more to look up."""
    before = row(paid(refund))
    assert look_up_refund(refund.pk, DUE, gateway=Scripted("re_1")) == Settled("re_1")
    assert row(refund) == before | {"look_at": None}


@pytest.mark.parametrize("answer", [PENDING, TryAgain("timeout")])
def test_a_paid_refund_whose_state_is_not_known_is_looked_up_until_it_is(
    refund: Refund, answer: UnderWay | TryAgain
) -> None:
    """A release before this one took what is under way for paid: it stays paid, and its end is still noticed."""
    before = row(paid(refund, accepted_at=None))
    look_up_refund(refund.pk, DUE, gateway=Scripted(answer))
    assert row(refund) == before | {"look_at": DUE + MINUTE}


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_only_processing_and_succeeded_refunds_are_looked_up(status: str) -> None:
    """A pending refund is paid, not looked up, and a failed one waits for an operator; a hint changes neither."""
    columns = {"pending": {}, "failed": {"settled_at": NOON, "failure": "no"}}[status]
    other = make_refund(status=status, **columns)
    LookUp.objects.create(refund=other, look_at=NOON)
    before = row(other)
    gateway = Scripted()
    assert look_up_refund(other.pk, DUE, gateway=gateway) == NotNow()
    assert (row(other), gateway.looked_up) == (before, [])


@pytest.mark.parametrize("late", ["re_1", Refused("failed"), TryAgain("timeout"), PENDING])
def test_an_answer_about_an_earlier_state_changes_nothing(refund: Refund, late: Refused | TryAgain | UnderWay) -> None:
    """A look-up that outlived its lease finds another one's outcome, and a later refund of the same request."""

    def fail() -> None:
        look_up_refund(refund.pk, DUE + LEASE, gateway=Scripted(Refused("failed")))

    seen: list[dict[str, object]] = []

    def fail_and_try_again() -> None:
        fail()
        try_again([refund.pk], DUE + LEASE)
        pay_refund(refund.pk, DUE + LEASE, gateway=Scripted(UnderWay("re_2")), jitter=0)
        seen.append(row(refund))

    look_up_refund(refund.pk, DUE, gateway=Slow(late, fail_and_try_again))
    assert seen == [row(refund)]
    assert (seen[0]["status"], seen[0]["receipt"], seen[0]["key_number"]) == ("processing", "re_2", 1)


@pytest.mark.parametrize("answer", ["re_1", PENDING, TryAgain("timeout")])
def test_a_hint_during_a_look_up_is_not_lost(refund: Refund, answer: str | UnderWay | TryAgain) -> None:
    """The answer can be older than the hint: the refund is looked up once more."""
    now = DUE + timedelta(seconds=1)

    def during() -> None:
        assert hint(refund.request.key, "re_1", RefundStatus.FAILED, now) == 1

    look_up_refund(refund.pk, DUE, gateway=Slow(answer, during), clock=lambda: now)
    assert row(refund)["look_at"] == now
    look_up_refund(refund.pk, now, gateway=Scripted(Refused("failed")))
    assert row(refund)["status"] == "failed"


def test_a_hint_that_overtakes_the_answer_to_the_request_is_not_lost() -> None:
    """The refund fails while its success is on the way to us: it is looked up as soon as it is settled."""
    pending = make_refund()

    def during() -> None:
        assert hint(pending.request.key, "re_1", RefundStatus.FAILED, NOON) == 1

    assert pay_refund(pending.pk, NOON, gateway=Slow("re_1", during), jitter=0) == Settled("re_1")
    assert row(pending) | {"status": "succeeded", "look_at": NOON} == row(pending)
    assert pay_refund(make_refund().pk, NOON, gateway=Scripted("re_2"), jitter=0) == Settled("re_2")
    assert row(Refund.objects.get(receipt="re_2"))["look_at"] is None


ONCE = RetryPolicy(max_attempts=1)


def test_a_late_acceptance_is_kept_where_the_refund_was_given_up_in_between() -> None:
    """An attempt outlives its lease and another worker gives up: the provider has the refund all the same."""
    pending = make_refund(customer_email="c@example.com")

    def give_up() -> None:
        pay_refund(pending.pk, NOON + LEASE, gateway=Scripted(), jitter=0, policy=ONCE)
        assert row(pending)["status"] == RefundStatus.FAILED

    late = Slow(PENDING, give_up)
    answer = pay_refund(pending.pk, NOON, gateway=late, jitter=0, policy=ONCE, clock=lambda: NOON + LEASE)
    assert answer == PENDING
    after = {"status": "processing", "receipt": "re_1", "settled_at": None}
    assert row(pending) | after == row(pending)
    assert look_up_refund(pending.pk, NOON + LEASE + MINUTE, gateway=Scripted("re_1")) == Settled("re_1")


@pytest.mark.parametrize("late", ["re_1", PENDING, TryAgain("timeout"), Refused("already refunded")])
def test_a_late_answer_does_not_undo_an_acceptance(late: str | UnderWay | TryAgain | Refused) -> None:
    """What another attempt has had accepted is not put off, given up or accepted again; a success settles it."""
    pending = make_refund()
    seen: list[dict[str, object]] = []

    def accept() -> None:
        pay_refund(pending.pk, NOON + LEASE, gateway=Scripted(PENDING), jitter=0)
        seen.append(row(pending))

    pay_refund(pending.pk, NOON, gateway=Slow(late, accept), jitter=0)
    (before,) = seen
    # Settled by the late answer, it is looked up once more.
    settled = {"status": "succeeded", "settled_at": NOON, "failure": "", "look_at": NOON}
    assert row(pending) == before | (settled if late == "re_1" else {})


class CannotLookUp:
    """A gateway that accepts what it cannot look up, and does not say so in its types."""

    def refund(self, order, idempotency_key):  # type: ignore[no-untyped-def]
        return PENDING


def test_a_gateway_that_cannot_look_up_what_it_accepts_is_refused_by_name() -> None:
    """The provider's id is kept, and the refund is not requested again; so is one that another gateway requested."""
    pending = make_refund()
    says = r"The gateway tests\.tracking\.test_outcomes\.CannotLookUp answers that a refund is under way, and nothing"
    with pytest.raises(ImproperlyConfigured, match=says):
        pay_refund(pending.pk, NOON, gateway=CannotLookUp(), jitter=0)
    before = row(pending)
    assert before | {"status": "processing", "receipt": "re_1"} == before
    with pytest.raises(ImproperlyConfigured, match=r"The gateway refunds\.gateways\.wallet\.Wallet cannot look up"):
        look_up_refund(pending.pk, NOON + MINUTE, gateway=Wallet())
    assert row(pending) == before
