"""Paying one refund: the attempt is committed before the provider is called, its outcome after."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from .. import queries, signals
from ..domain.refunds import Outcome, RefundStatus, settle
from ..domain.retries import Again, GiveUp, RetryPolicy
from ..domain.sweeps import IdRange
from ..errors import UnknownRow
from ..gateways import Answer, Gateway, Limiter, Order, Refused, Settled, TryAgain, UnderWay, tracker
from ..models import Refund

logger = logging.getLogger(__name__)

# How long an attempt keeps others off its refund: longer than pay_refund can run (50 s), so that only a dead attempt is
# taken over, and no longer than a message can wait, so that the retry of a lost worker finds the refund free.
LEASE: Final = timedelta(seconds=60)
POLICY: Final = RetryPolicy()
# How long a task waits for a permit: of ten children that share 50/s each waits for 0.2 s. A longer wait would not fit
# into pay_refund's time limit of 50 s, with two calls to a provider that answers late.
LONGEST_WAIT: Final = timedelta(seconds=5)
ANSWER_KEPT: Final = 500  # characters: a page of HTML says no more than its beginning

Clock = Callable[[], datetime]
Call = Callable[[], Answer]
Decide = Callable[..., Again | GiveUp]


@dataclass(frozen=True)
class Paid:
    """The refund has its receipt."""

    receipt: str


@dataclass(frozen=True)
class NotNow:
    """Nothing was attempted: the refund is settled, not due, in another worker's hands, or has no permit."""


Result = Paid | UnderWay | Again | GiveUp | NotNow


def pay_refund(
    refund_id: int,
    now: datetime,
    *,
    gateway: Gateway,
    jitter: float,
    limiter: Limiter | None = None,
    policy: RetryPolicy | None = None,
    clock: Clock | None = None,
) -> Result:
    """Attempt to pay one refund, once, and write down the answer: a receipt, a failure, or a due time.

    `jitter` in [0, 1) spreads the retries. `clock` says when the call has ended; the default is `now`. An error that is
    neither TryAgain nor Refused is a bug: it propagates, and the attempt counts. Raises UnknownRow, and
    ImproperlyConfigured for a gateway that accepts a refund whose outcome nothing looks up.
    """
    policy = policy or POLICY
    refund = Refund.objects.select_related("request").filter(pk=refund_id).first()
    if refund is None:
        raise UnknownRow("refund", refund_id)
    if refund.status != RefundStatus.PENDING or refund.due_at > now:
        return NotNow()
    if refund.attempts >= policy.max_attempts:
        said = f"; the last said: {refund.failure}" if refund.failure else ""
        return _give_up(refund, f"gave up after {refund.attempts} attempts without an answer{said}", now)
    order = Order.of(refund)
    # Before the claim: a refund without a permit has not been attempted. Searches on earlier payments (three reads at
    # most, after a correction) are not counted.
    if limiter is not None and not _permitted(refund, order, now, limiter):
        _unchanged(refund).update(dispatched_at=None)  # the reconciler sends it again, as the rate allows
        return NotNow()
    if not _claim(refund, now):
        return NotNow()
    call = partial(gateway.refund, order, refund.idempotency_key)
    result = _attempt(refund, now, call, clock or (lambda: now), partial(policy.decide, jitter=jitter))
    if isinstance(result, UnderWay):
        tracker(gateway)  # after the row has the provider's id, which must not be lost for a mistake in the settings
    return result


def _permitted(refund: Refund, order: Order, now: datetime, limiter: Limiter) -> bool:
    calls = 2 if order.asked_before else 1  # the search for an earlier refund
    if limiter.take(calls):
        return True
    # While this waits, its message is neither in the queue nor lost.
    _unchanged(refund).update(dispatched_at=now)
    return limiter.take(calls, wait=LONGEST_WAIT)


def _unchanged(refund: Refund, **columns: datetime) -> QuerySet[Refund]:
    """The row, unless another attempt or round has begun since: an attempt that outlived its lease changes nothing."""
    attempt = {"attempts": refund.attempts, "tried_again": refund.tried_again}
    return Refund.objects.filter(queries.UNPAID, pk=refund.pk, **attempt, **columns)


def _claim(refund: Refund, now: datetime) -> bool:
    """Count an attempt and keep others off for a lease; commits before the provider is called."""
    first = Coalesce("first_attempt_at", Value(now))
    with transaction.atomic(durable=True):
        rows = _unchanged(refund, due_at=refund.due_at)
        claimed = rows.update(attempts=F("attempts") + 1, due_at=now + LEASE, first_attempt_at=first)
    refund.attempts += claimed
    return bool(claimed)


def _attempt(refund: Refund, began: datetime, call: Call, clock: Clock, decide: Decide) -> Result:
    """Call the provider for a claimed refund, and write down what it says, as of the end of the call."""
    try:
        answer = call()
        if not isinstance(answer, Settled | UnderWay):
            raise TypeError(f"the gateway answered {answer!r}: refund() must return Settled or UnderWay")
    except Refused as refused:
        # The no is final for the key that was asked with.
        return _give_up(refund, refused.reason, clock(), key_number=F("key_number") + 1)
    except TryAgain as failure:
        now = clock()
        elapsed = now - (refund.first_attempt_at or began)
        verdict = decide(attempt=refund.attempts, elapsed=elapsed, retry_after=failure.after)
        if isinstance(verdict, GiveUp):
            return _give_up(refund, f"{verdict.reason}: {failure}", now)
        due_at = now + verdict.delay
        sent = due_at if verdict.by_message else None  # None: the reconciler sends it once it is due
        _unchanged(refund).update(due_at=due_at, dispatched_at=sent, failure=str(failure)[:ANSWER_KEPT])
        return verdict
    except Exception as bug:
        _unchanged(refund).update(failure=f"{type(bug).__name__}: {bug}"[:ANSWER_KEPT])
        raise
    if isinstance(answer, UnderWay):
        return _accept(refund, answer, clock())
    return _settle(refund, answer.receipt, clock())


# Keep every receipt, also of an attempt that outlived its lease and was given up since: a refund that is tried again
# without it would be paid twice.
def _settle(refund: Refund, receipt: str, now: datetime) -> Paid:
    other = Q(status=RefundStatus.PROCESSING) & ~Q(receipt=receipt)
    unpaid = Refund.objects.filter(pk=refund.pk).exclude(status=RefundStatus.SUCCEEDED).exclude(other)
    status = settle(RefundStatus.PENDING, Outcome.PAID)
    with transaction.atomic():
        if unpaid.update(status=status, receipt=receipt, failure="", settled_at=now, dispatched_at=None):
            send_settled(refund.pk, now)
        else:
            _keep_second(Refund.objects.select_for_update().get(pk=refund.pk), receipt, now)
    return Paid(receipt)


def _accept(refund: Refund, answer: UnderWay, now: datetime) -> UnderWay:
    with transaction.atomic():
        row = Refund.objects.select_for_update().get(pk=refund.pk)
        if row.status not in {RefundStatus.PENDING, RefundStatus.FAILED}:
            _keep_second(row, answer.receipt, now)
            return answer
        Refund.objects.filter(pk=row.pk).update(
            status=settle(RefundStatus(row.status), Outcome.ACCEPTED),
            receipt=answer.receipt,
            failure=answer.reason[:ANSWER_KEPT],
            accepted_at=now,
            dispatched_at=None,
            settled_at=None,
        )
        if row.status == RefundStatus.FAILED:
            signals.refunds_reopened.send(Refund, ids=[row.pk], now=now)
        signals.refund_accepted.send(Refund, refund=row, now=now)
    return answer


def _keep_second(row: Refund, receipt: str, now: datetime) -> None:
    if receipt == row.receipt:
        return
    text = "%s: possibly paid twice: it has the receipt %s, and the payment provider has also answered with %s"
    logger.error(text + "; compare both in the provider's dashboard", row, row.receipt, receipt)
    signals.second_receipt.send(Refund, refund=row, receipt=receipt, now=now)


def _give_up(refund: Refund, reason: str, now: datetime, **columns: Combinable) -> GiveUp:
    status = settle(RefundStatus.PENDING, Outcome.GIVEN_UP)
    with transaction.atomic():
        if _unchanged(refund).update(status=status, failure=reason[:ANSWER_KEPT], settled_at=now, **columns):
            send_settled(refund.pk, now)
    return GiveUp(reason)


def send_settled(refund_id: int, now: datetime) -> None:
    """Tell the rooms that the refund was settled at `now`. Requires the transaction of the outcome around it."""
    signals.refunds_settled.send(Refund, id_range=IdRange(refund_id, refund_id), now=now)
