"""Paying refunds: the attempt is committed before the payer is called, its outcome after."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from .. import dispatch, store
from ..domain.refunds import Outcome, RefundStatus, settle
from ..domain.retries import Again, GiveUp, RetryPolicy
from ..domain.sweeps import Span
from ..errors import UnknownRow
from ..gateways import BulkGateway, Gateway, Order, Refused, TryAgain
from ..models import Refund
from . import PATIENCE

# How long an attempt keeps others off its refund: longer than a task may run (90 s), so that only a dead one is
# taken over.
LEASE: Final = timedelta(seconds=120)
POLICY: Final = RetryPolicy()


@dataclass(frozen=True)
class Paid:
    """The refund has its receipt."""

    receipt: str


@dataclass(frozen=True)
class NotNow:
    """Nothing was attempted: settled, not due yet, or in another worker's hands."""


Result = Paid | Again | GiveUp | NotNow


def pay_refund(
    refund_id: int, now: datetime, *, gateway: Gateway, jitter: float, policy: RetryPolicy | None = None
) -> Result:
    """Attempt to pay one refund, once.

    `jitter` in [0, 1) spreads the retries. Whatever the payer answers is on the row when this returns: its receipt, the
    reason it failed, or when it is due again. An error that is neither TryAgain nor Refused is a bug: it propagates,
    and the refund stays pending with its attempt counted. Raises UnknownRow.
    """
    policy = policy or POLICY
    refund = _claim(refund_id, now, policy)
    if isinstance(refund, NotNow | GiveUp):
        return refund
    order = Order(refund.pk, refund.amount_minor, refund.currency, refund.request.customer)
    try:
        # The request's own key: the same after every crash, another after a database was made anew.
        receipt = gateway.refund(order, refund.request.key)
    except Refused as refused:
        return _give_up(refund_id, GiveUp(refused.reason), now)
    except TryAgain as failure:
        elapsed = now - (refund.first_attempt_at or now)
        verdict = policy.decide(attempt=refund.attempts, elapsed=elapsed, jitter=jitter, retry_after=failure.after)
        if isinstance(verdict, GiveUp):
            return _give_up(refund_id, GiveUp(f"{verdict.reason}: {failure}"), now)
        _put_off(refund_id, now + verdict.delay, verdict, str(failure))
        return verdict
    return _settle(refund_id, receipt, now)


def _claim(refund_id: int, now: datetime, policy: RetryPolicy) -> Refund | NotNow | GiveUp:
    """Count an attempt and keep others off for a lease; commits before the payer is called."""
    with transaction.atomic(durable=True):
        claimed = Refund.objects.filter(
            store.UNPAID, pk=refund_id, due_at__lte=now, attempts__lt=policy.max_attempts
        ).update(
            attempts=F("attempts") + 1,
            due_at=now + LEASE,
            first_attempt_at=Coalesce("first_attempt_at", Value(now)),
        )
        refund = Refund.objects.select_related("request").filter(pk=refund_id).first()
    if refund is None:
        raise UnknownRow("refund", refund_id)
    if claimed:
        return refund
    if refund.status == RefundStatus.PENDING and refund.due_at <= now:
        return _give_up(refund_id, GiveUp(f"gave up after {refund.attempts} attempts without an answer"), now)
    return NotNow()


def _settle(refund_id: int, receipt: str, now: datetime) -> Paid:
    with transaction.atomic():
        settled = Refund.objects.filter(pk=refund_id, status=RefundStatus.PENDING).update(
            status=settle(RefundStatus.PENDING, Outcome.PAID), receipt=receipt, settled_at=now, failure=""
        )
        if settled:
            dispatch.on_commit(dispatch.NOTIFY_CUSTOMER, store.to_notify(Span(refund_id, refund_id)))
    return Paid(receipt)


def _put_off(refund_id: int, due_at: datetime, verdict: Again, failure: str) -> None:
    # Without a message of its own the refund is the reconciler's as soon as it is due.
    dispatched_at = due_at if verdict.by_message else due_at - PATIENCE
    Refund.objects.filter(pk=refund_id, status=RefundStatus.PENDING).update(
        due_at=due_at, dispatched_at=dispatched_at, failure=failure
    )


def _give_up(refund_id: int, verdict: GiveUp, now: datetime) -> GiveUp:
    with transaction.atomic():
        settled = Refund.objects.filter(pk=refund_id, status=RefundStatus.PENDING).update(
            status=settle(RefundStatus.PENDING, Outcome.GIVEN_UP), failure=verdict.reason, settled_at=now
        )
        if settled:
            dispatch.on_commit(dispatch.NOTIFY_CUSTOMER, store.to_notify(Span(refund_id, refund_id)))
    return verdict


def pay_refunds(span: Span, now: datetime, *, gateway: Gateway) -> int:
    """Pay what is due in the span: at once where the gateway can, otherwise by a message for each refund.

    Returns how many were paid or sent.
    """
    if isinstance(gateway, BulkGateway):
        paid = gateway.refund_span(span, now)
        dispatch.on_commit(dispatch.NOTIFY_CUSTOMER, store.to_notify(span))
        return paid
    with transaction.atomic():
        due = list(store.unpaid(span, now).values_list("pk", flat=True))
        dispatch.on_commit(dispatch.PAY_REFUND, [{"refund_id": pk} for pk in due])
    return len(due)
