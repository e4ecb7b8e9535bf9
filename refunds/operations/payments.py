"""Paying refunds: the attempt is committed before the payer is called, its outcome after."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from .. import queries, signals
from ..domain.refunds import Outcome, RefundStatus, settle
from ..domain.retries import Again, GiveUp, RetryPolicy
from ..domain.sweeps import IdRange
from ..errors import UnknownRow
from ..gateways import (
    LONGEST_WAIT,
    Answer,
    BulkGateway,
    Gateway,
    Limiter,
    Order,
    Refused,
    Settled,
    TryAgain,
    UnderWay,
    tracker,
)
from ..models import Refund
from ..tracking.intervals import SHORTEST_WAIT

logger = logging.getLogger(__name__)

# How long an attempt keeps others off its refund: longer than pay_refund may run (50 s), so that only a dead one is
# taken over, and no longer than a message may wait, so that the retry of a lost worker finds the refund free.
LEASE: Final = timedelta(seconds=60)
POLICY: Final = RetryPolicy()
# Characters of an answer that are kept: a page of HTML says no more than its beginning.
ANSWER_KEPT: Final = 500


@dataclass(frozen=True)
class Paid:
    """The refund has its receipt."""

    receipt: str


@dataclass(frozen=True)
class NotNow:
    """Nothing was attempted: not to be paid any more, not due yet, in another worker's hands, or no turn to call."""


Result = Paid | UnderWay | Again | GiveUp | NotNow


def pay_refund(
    refund_id: int,
    now: datetime,
    *,
    gateway: Gateway,
    jitter: float,
    limiter: Limiter | None = None,
    policy: RetryPolicy | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Result:
    """Attempt to pay one refund, once.

    `jitter` in [0, 1) spreads the retries; `clock` tells when the call has ended, without it at `now`. Whatever the
    payer answers is on the row when this returns: its receipt, the reason it failed, or when it is due again. A refund
    that the payer has accepted without settling it is not attempted again: outcomes.py looks up how it ends. Where the
    limiter has no turn to give nothing is attempted, and the reconciler sends the refund again. An error that is
    neither TryAgain nor Refused is a bug: it is noted, it propagates, and the refund stays pending with its attempt
    counted. Raises UnknownRow, and ImproperlyConfigured for a gateway that accepts a refund and cannot look it up.
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
    order = order_for(refund)
    # A payer in this database has no rate. Asked before the claim: a refund without a permit has not been attempted.
    # The searches on earlier payments are not counted: three reads at most, after an operator has entered a correction.
    if limiter is not None and not isinstance(gateway, BulkGateway) and not _permitted(refund, order, now, limiter):
        _mine(refund).update(dispatched_at=None)  # the reconciler sends it again, as the rate allows
        return NotNow()
    if not _claim(refund, now):
        return NotNow()
    call = partial(gateway.refund, order, refund.idempotency_key)
    result = _attempt(refund, now, call, clock or (lambda: now), partial(policy.decide, jitter=jitter))
    if isinstance(result, UnderWay):
        tracker(gateway)  # after the row has the provider's id, which must not be lost for a mistake in the settings
    return result


def _permitted(refund: Refund, order: Order, now: datetime, limiter: Limiter) -> bool:
    """Whether there is a permit for the attempt, at once or within the limiter's longest wait."""
    calls = 2 if order.asked_before else 1
    if limiter.take(calls):
        return True
    # Its message is neither in the queue nor lost while this waits.
    _mine(refund).update(dispatched_at=now)
    return limiter.take(calls, wait=LONGEST_WAIT)


def order_for(refund: Refund) -> Order:
    """What the payer is told of the refund."""
    return Order(
        refund_id=refund.pk,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        customer=refund.request.customer,
        payment=refund.request.payment,
        reference=refund.request.key,
        asked_before=refund.attempts > 0 or refund.tried_again > 0,
        earlier_payments=tuple(filter(None, refund.earlier_payments.split("\n"))),
    )


def _claim(refund: Refund, now: datetime) -> bool:
    """Count an attempt and keep others off for a lease; commits before the payer is called."""
    with transaction.atomic(durable=True):
        claimed = _mine(refund, due_at=refund.due_at).update(
            attempts=F("attempts") + 1,
            due_at=now + LEASE,
            first_attempt_at=Coalesce("first_attempt_at", Value(now)),
        )
    refund.attempts += claimed
    return bool(claimed)


def _attempt(
    refund: Refund,
    began: datetime,
    call: Callable[[], Answer],
    clock: Callable[[], datetime],
    decide: Callable[..., Again | GiveUp],
) -> Result:
    """Call the payer for a refund that was claimed, and write down what it says, as of the end of the call."""
    try:
        answer = call()
        if not isinstance(answer, Settled | UnderWay):
            raise TypeError(f"the gateway answered {answer!r}: refund() must return Settled or UnderWay")
    except Refused as refused:
        return _give_up(refund, refused.reason, clock(), refusals=F("refusals") + 1)
    except TryAgain as failure:
        now = clock()
        elapsed = now - (refund.first_attempt_at or began)
        verdict = decide(attempt=refund.attempts, elapsed=elapsed, retry_after=failure.after)
        if isinstance(verdict, GiveUp):
            return _give_up(refund, f"{verdict.reason}: {failure}", now)
        return _put_off(refund, now, verdict, failure=str(failure)[:ANSWER_KEPT])
    except Exception as bug:
        _mine(refund).update(failure=f"{type(bug).__name__}: {bug}"[:ANSWER_KEPT])
        raise
    if isinstance(answer, UnderWay):
        return _accept(refund, answer, clock())
    return _settle(refund, answer.receipt, clock())


def _mine(refund: Refund, **columns: datetime) -> QuerySet[Refund]:
    """The row, while no attempt or round has begun since: one that outlived its lease has no say beside the next."""
    attempt = {"attempts": refund.attempts, "tried_again": refund.tried_again}
    return Refund.objects.filter(queries.UNPAID, pk=refund.pk, **attempt, **columns)


def _settle(refund: Refund, receipt: str, now: datetime) -> Paid:
    # A receipt is never thrown away: not even where this attempt outlived its lease and was given up meanwhile.
    other = Q(status=RefundStatus.PROCESSING) & ~Q(receipt=receipt)
    unpaid = Refund.objects.filter(pk=refund.pk).exclude(status=RefundStatus.SUCCEEDED).exclude(other)
    with transaction.atomic():
        paid = unpaid.update(
            status=settle(RefundStatus.PENDING, Outcome.PAID),
            receipt=receipt,
            failure="",
            settled_at=now,
            look_at=_hinted(now, otherwise=None),
            dispatched_at=None,
        )
        if paid:
            tell(refund, now)
        else:
            _keep_second(refund, receipt, now)
    return Paid(receipt)


def _hinted(now: datetime, otherwise: datetime | None) -> Case:
    """The next look-up: now, where a hint came before this answer. It can be about a later state of the refund."""
    return Case(When(look_at__isnull=False, then=Value(now)), default=Value(otherwise, DateTimeField()))


def _accept(refund: Refund, answer: UnderWay, now: datetime) -> UnderWay:
    # Not thrown away either where this attempt outlived its lease: who tries the refund again would pay it twice.
    waiting = Refund.objects.filter(pk=refund.pk, status__in=(RefundStatus.PENDING, RefundStatus.FAILED))
    with transaction.atomic():
        accepted = waiting.update(
            status=settle(RefundStatus.PENDING, Outcome.ACCEPTED),
            receipt=answer.receipt,
            failure=answer.reason[:ANSWER_KEPT],
            accepted_at=now,
            look_at=_hinted(now, otherwise=now + SHORTEST_WAIT),
            dispatched_at=None,
            settled_at=None,
            # A mail about a failure that has not gone out would no longer be true.
            notify_at=Case(When(notify_at__gt=now, then="notify_at")),
        )
        if not accepted:
            _keep_second(refund, answer.receipt, now)
    return answer


def _keep_second(refund: Refund, receipt: str, now: datetime) -> None:
    row = Refund.objects.select_for_update().get(pk=refund.pk)
    if receipt == row.receipt:
        return
    logger.error(
        "%s: possibly paid twice: it has the receipt %s, and the payment provider has also answered with %s; compare "
        "both with the refunds in the provider's dashboard",
        row, row.receipt, receipt,
    )  # fmt: skip
    signals.second_receipt.send(Refund, refund=row, receipt=receipt, now=now)


def _put_off(refund: Refund, now: datetime, verdict: Again, **columns: str) -> Again:
    due_at = now + verdict.delay
    # Without a message of its own the refund is the reconciler's as soon as it is due.
    dispatched_at = due_at if verdict.by_message else None
    _mine(refund).update(due_at=due_at, dispatched_at=dispatched_at, **columns)
    return verdict


def _give_up(refund: Refund, reason: str, now: datetime, **columns: Combinable) -> GiveUp:
    status = settle(RefundStatus.PENDING, Outcome.GIVEN_UP)
    with transaction.atomic():
        _mine(refund).update(status=status, failure=reason[:ANSWER_KEPT], settled_at=now, look_at=None, **columns)
        tell(refund, now)
    return GiveUp(reason)


def tell(refund: Refund, now: datetime) -> None:
    """Tell the rooms that the refund was settled at `now`. Requires the transaction of the outcome around it."""
    signals.refunds_settled.send(Refund, id_range=IdRange(refund.pk, refund.pk), now=now)
