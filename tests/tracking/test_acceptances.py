"""A provider accepts a refund and settles it later: what the answer to the request changes, early or late."""

from collections.abc import Callable
from datetime import datetime

import pytest

from refunds.domain.refunds import RefundStatus
from refunds.domain.retries import RetryPolicy
from refunds.gateways import Refused, Settled, TryAgain, UnderWay
from refunds.models import Refund
from refunds.operations.bulk_payments import try_again
from refunds.operations.payments import LEASE, NotNow, pay_refund
from refunds.tracking.intervals import SHORTEST_WAIT
from refunds.tracking.look_ups import hint
from refunds.tracking.outcomes import look_up_refund

from ..factories import DAY, MINUTE, NOON, make_refund
from ..operations.payers import Scripted, Slow
from .rows import has, row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]
PENDING = UnderWay("re_1", "Stripe: pending")


def pay(refund: Refund, answer: str | UnderWay, now: datetime = NOON, during: Callable[[], object] = dict) -> object:
    """Request the refund, and get this answer after something else has happened."""
    return pay_refund(refund.pk, now, gateway=Slow(answer, during), jitter=0, policy=RetryPolicy(max_attempts=1))


def test_an_accepted_refund_is_processing_and_not_requested_again() -> None:
    """It has the provider's id and what it waits for, and no outcome; a second message makes no call."""
    pending = make_refund()
    assert pay(pending, PENDING) == PENDING
    assert has(pending, status="processing", receipt="re_1", failure="Stripe: pending", settled_at=None)
    assert has(pending, accepted_at=NOON, look_at=NOON + SHORTEST_WAIT)
    before = row(pending)
    for later in (NOON, NOON + MINUTE, NOON + 3 * DAY):
        assert pay_refund(pending.pk, later, gateway=Scripted(), jitter=0) == NotNow()
    assert (try_again([pending.pk], NOON), row(pending)) == ([], before)


def test_a_hint_that_overtakes_the_answer_to_the_request_is_not_lost() -> None:
    """The refund fails while its success is on the way to us: it is looked up as soon as it is settled."""
    pending, other = make_refund(), make_refund()
    pay(pending, "re_1", during=lambda: hint(pending.request.key, "re_1", RefundStatus.FAILED, NOON))
    assert has(pending, status="succeeded", look_at=NOON)
    pay(other, "re_2")
    assert has(other, status="succeeded", look_at=None)


def test_a_late_acceptance_is_kept_where_the_refund_was_given_up_in_between() -> None:
    """An attempt outlives its lease and another worker gives up: the provider has the refund all the same."""
    pending, expired = make_refund(), NOON + LEASE
    assert pay(pending, PENDING, during=lambda: pay(pending, "", expired)) == PENDING
    assert has(pending, status="processing", receipt="re_1", settled_at=None)
    assert look_up_refund(pending.pk, expired + MINUTE, gateway=Scripted("re_1")) == Settled("re_1")


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
