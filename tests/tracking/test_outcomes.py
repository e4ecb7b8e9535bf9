"""Looking up how a refund ends: what each answer changes, and what a late answer does not."""

from datetime import datetime, timedelta
from unittest.mock import Mock

import pytest
from django.core.exceptions import ImproperlyConfigured

from refunds.domain.refunds import RefundStatus
from refunds.domain.retries import GiveUp
from refunds.gateways import Refused, Settled, TryAgain, UnderWay
from refunds.gateways.wallet import Wallet
from refunds.models import Refund
from refunds.operations.bulk_payments import try_again
from refunds.operations.payments import LEASE, NotNow, pay_refund
from refunds.tracking.intervals import LONGEST_WAIT, SHORTEST_WAIT
from refunds.tracking.look_ups import hint
from refunds.tracking.models import LookUp
from refunds.tracking.outcomes import Result, look_up_refund

from ..factories import BLINK, DAY, MINUTE, NOON, SECOND, make_refund
from ..operations.conftest import Limit
from ..operations.payers import Paced, Scripted, Slow
from .rows import has, make_paid, row, under_way

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]

DUE = NOON + MINUTE
PENDING = UnderWay("re_1", "Stripe: pending")
Said = str | UnderWay | TryAgain | Refused


@pytest.fixture
def refund() -> Refund:
    """A refund that was accepted at noon, to be looked up a minute later."""
    return under_way()


def look(refund: Refund, answer: Said | Exception, now: datetime = DUE) -> Result:
    """Look the refund up, and find this answer."""
    return look_up_refund(refund.pk, now, gateway=Scripted(answer))


def is_idle(refund: Refund, now: datetime) -> bool:
    """Whether a message at this time makes no call."""
    return look_up_refund(refund.pk, now, gateway=Scripted()) == NotNow()


@pytest.mark.parametrize("reason", ["", "\0", "account\0closed", "\ud800"])
def test_reason_that_no_row_can_hold_still_fails_the_refund(refund: Refund, reason: str) -> None:
    """If the row could not be written, the provider would be asked each minute for ever."""
    assert look(refund, Refused(reason)) == GiveUp(str(row(refund)["failure"]))
    assert has(refund, status=RefundStatus.FAILED)
    for answer in (UnderWay("re_1", reason), TryAgain(reason)):
        again = under_way()
        look(again, answer)
        assert has(again, look_at=DUE + SHORTEST_WAIT)


def test_a_refund_under_way_is_looked_up_when_it_is_due_and_then_later(refund: Refund) -> None:
    """Not a microsecond before; each time later than the last time, without a change of its state."""
    assert is_idle(refund, DUE - BLINK)
    for age in (MINUTE, 2 * MINUTE, 30 * DAY):
        LookUp.objects.filter(pk=refund.pk).update(look_at=NOON + age)
        look(refund, UnderWay("re_1", "Stripe: requires_action"), NOON + age)
        wait = min(age, LONGEST_WAIT)
        assert has(refund, status="processing", failure="Stripe: requires_action", look_at=NOON + age + wait)
        assert is_idle(refund, NOON + age)


def test_a_look_up_that_finds_success_settles_the_refund(refund: Refund) -> None:
    """As of the end of the call."""
    ended = DUE + 9 * SECOND
    assert look_up_refund(refund.pk, DUE, gateway=Scripted("re_1"), clock=lambda: ended) == Settled("re_1")
    assert has(refund, status="succeeded", receipt="re_1", failure="", settled_at=ended, look_at=None, key_number=0)


def test_a_look_up_that_finds_a_failure_fails_the_refund(refund: Refund) -> None:
    """With the provider's reason; the next try asks with another key. It is not one that had succeeded."""
    reason = "Stripe: refund re_1 failed: expired_or_canceled_card"
    assert look(refund, Refused(reason)) == GiveUp(reason)
    assert has(refund, status="failed", failure=reason, receipt="", settled_at=DUE, key_number=1)
    assert has(refund, look_at=None, reversed_at=None)
    assert try_again([refund.pk], DUE) == [refund.pk]
    gateway = Scripted("re_2")
    assert pay_refund(refund.pk, DUE, gateway=gateway, jitter=0) == Settled("re_2")
    assert [(order.asked_before, key) for order, key in gateway.asked] == [(True, f"{refund.request.key}:1")]


@pytest.mark.parametrize("after", [None, timedelta(hours=9)])
def test_a_look_up_that_fails_changes_only_the_next_time(refund: Refund, after: timedelta | None) -> None:
    """However often: nothing is given up. What the provider asks to wait is never undercut."""
    now = DUE
    for _ in range(40):
        assert look(refund, TryAgain("timeout", after), now) == NotNow()
        now += max(min(now - NOON, LONGEST_WAIT), after or MINUTE)
        assert has(refund, status="processing", receipt="re_1", failure="timeout", look_at=now)
        assert has(refund, key_number=0, attempts=1)


def test_a_bug_in_a_look_up_is_raised_and_the_look_up_repeated(refund: Refund) -> None:
    """The refund stays under way."""
    with pytest.raises(ZeroDivisionError):
        look(refund, ZeroDivisionError())
    assert has(refund, status="processing", look_at=DUE + MINUTE, failure="ZeroDivisionError: ")


def test_one_look_up_runs_at_a_time(refund: Refund) -> None:
    """A second message during the call makes no call; a killed look-up is repeated after its lease."""
    gateway = Slow(PENDING, lambda: is_idle(refund, DUE) or pytest.fail("a second call"))
    look_up_refund(refund.pk, DUE, gateway=gateway)
    assert gateway.looked_up == ["re_1"]
    again = DUE + MINUTE
    with pytest.raises(KeyboardInterrupt):
        look_up_refund(refund.pk, again, gateway=Slow("re_1", Mock(side_effect=KeyboardInterrupt)))
    assert is_idle(refund, again)
    assert look(refund, "re_1", again + LEASE) == Settled("re_1")


def test_look_up_whose_call_has_to_wait_is_left_to_the_reconciler(refund: Refund, limit: Limit) -> None:
    """It asks for one call; without it nothing is looked up, and the next run of the reconciler sends it."""
    busy = limit(Paced(1, permits=False))
    LookUp.objects.filter(pk=refund.pk).update(sent_at=NOON)
    assert is_idle(refund, DUE)
    assert busy.calls == [1]
    assert has(refund, look_at=DUE, sent_at=None)


def test_a_refund_that_fails_after_it_succeeded_is_failed_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """It is marked for `health`, the log has a line, and the next try asks with another key."""
    refund = make_paid(look_at=DUE)
    says = "Stripe: refund re_1 failed: lost_or_stolen_card"
    reason = f"failed after it had succeeded: {says}"
    assert look(refund, Refused(says)) == GiveUp(reason)
    assert has(refund, status="failed", failure=reason, receipt="", settled_at=DUE, reversed_at=DUE)
    assert has(refund, look_at=None, key_number=1)
    assert reason in caplog.text
    try_again([refund.pk], DUE + MINUTE)
    assert has(refund, reversed_at=None)


@pytest.mark.parametrize(
    ("answer", "look_at"), [("re_1", None), (PENDING, DUE + MINUTE), (TryAgain("timeout"), DUE + MINUTE)]
)
@pytest.mark.parametrize("accepted_at", [NOON, None])
def test_a_paid_refund_stays_paid_and_is_looked_up_until_its_state_is_known(
    answer: Said, look_at: datetime | None, accepted_at: datetime | None
) -> None:
    """Its settlement and notice stay, also where a release before this one took what is under way for paid."""
    refund = make_paid(look_at=DUE, accepted_at=accepted_at)
    before = row(refund)
    look(refund, answer)
    assert row(refund) == before | {"look_at": look_at}


@pytest.mark.parametrize("columns", [{}, {"status": "failed", "settled_at": NOON, "failure": "no"}])
def test_only_processing_and_succeeded_refunds_are_looked_up(columns: dict[str, object]) -> None:
    """A pending refund is paid, not looked up, and a failed one waits for an operator; a hint changes neither."""
    other = make_refund(**columns)
    LookUp.objects.create(refund=other, look_at=NOON)
    before = row(other)
    assert is_idle(other, DUE)
    assert row(other) == before


@pytest.mark.parametrize("late", ["re_1", Refused("failed"), TryAgain("timeout"), PENDING])
def test_an_answer_about_an_earlier_state_changes_nothing(refund: Refund, late: Said) -> None:
    """A look-up that outlived its lease finds another one's outcome, and a later refund of the same request."""
    seen: list[dict[str, object]] = []

    def fail_and_try_again() -> None:
        look(refund, Refused("failed"), DUE + LEASE)
        try_again([refund.pk], DUE + LEASE)
        pay_refund(refund.pk, DUE + LEASE, gateway=Scripted(UnderWay("re_2")), jitter=0)
        seen.append(row(refund))

    look_up_refund(refund.pk, DUE, gateway=Slow(late, fail_and_try_again))
    assert seen == [row(refund)]
    assert has(refund, status="processing", receipt="re_2", key_number=1)


@pytest.mark.parametrize("answer", ["re_1", PENDING, TryAgain("timeout")])
def test_a_hint_during_a_look_up_is_not_lost(refund: Refund, answer: Said) -> None:
    """The answer can be older than the hint: the refund is looked up once more."""
    now = DUE + SECOND
    hinted = Slow(answer, lambda: hint(refund.request.key, "re_1", RefundStatus.FAILED, now))
    look_up_refund(refund.pk, DUE, gateway=hinted, clock=lambda: now)
    assert has(refund, look_at=now)
    look(refund, Refused("failed"), now)
    assert has(refund, status="failed")


def test_refund_that_another_gateway_requested_is_not_looked_up(refund: Refund) -> None:
    """The error names the gateway that cannot, and the refund stays under way."""
    before = row(refund)
    with pytest.raises(ImproperlyConfigured, match=r"The gateway refunds\.gateways\.wallet\.Wallet cannot look up"):
        look_up_refund(refund.pk, DUE, gateway=Wallet())
    assert row(refund) == before
