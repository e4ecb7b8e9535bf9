"""How a refund ends that the provider has accepted: the look-up, and what follows from the answer."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Case, F, QuerySet, When

from ..domain.refunds import Outcome, RefundStatus, settle
from ..domain.retries import GiveUp
from ..errors import UnknownRow
from ..gateways import Answer, Gateway, Limiter, Refused, TryAgain, UnderWay, tracker
from ..models import Refund
from ..operations.payments import ANSWER_KEPT, LEASE, NotNow, Paid, order_for, tell
from .intervals import wait_for_look_up

logger = logging.getLogger(__name__)

# A refund that is pending is not looked up but keeps the hint until it is settled.
LOOKED_UP: Final = (RefundStatus.PROCESSING, RefundStatus.SUCCEEDED)

Result = Paid | UnderWay | GiveUp | NotNow


def look_up_refund(
    refund_id: int,
    now: datetime,
    *,
    gateway: Gateway,
    limiter: Limiter | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Result:
    """Ask the provider once how a refund has ended, and write down what it says.

    Nothing is asked where nothing is due, or where another look-up runs. A refund that has ended gets its status and
    its notice; one that is under way, or whose look-up failed, only gets the time of its next look-up. `clock` tells
    when the call has ended, without it at `now`. Raises UnknownRow, and ImproperlyConfigured for a gateway that has no
    look_up().
    """
    refund = Refund.objects.select_related("request").filter(pk=refund_id).first()
    if refund is None:
        raise UnknownRow("refund", refund_id)
    if refund.status not in LOOKED_UP or refund.look_at is None or refund.look_at > now:
        return NotNow()
    provider = tracker(gateway)
    if limiter is not None and not limiter.take():
        # Left to the reconciler's next run, which sends no more than the rate allows.
        Refund.objects.filter(pk=refund.pk, look_at=refund.look_at).update(dispatched_at=None)
        return NotNow()
    if not _claim(refund, now):
        return NotNow()
    ended = clock or (lambda: now)
    try:
        answer = provider.look_up(order_for(refund), refund.receipt)
    except Refused as refused:
        return _fail(refund, refused.reason, ended())
    except TryAgain as failure:
        logger.warning("%s: the look-up of %s failed and is repeated later: %s", refund, refund.receipt, failure)
        _look_later(refund, ended(), str(failure), failure.after)
        return NotNow()
    except Exception as bug:
        _look_later(refund, ended(), f"{type(bug).__name__}: {bug}")
        raise
    return _apply(refund, answer, ended())


def _claim(refund: Refund, now: datetime) -> bool:
    """Keep other look-ups off for a lease; commits before the provider is asked."""
    with transaction.atomic(durable=True):
        claimed = Refund.objects.filter(pk=refund.pk, look_at=refund.look_at).update(look_at=now + LEASE)
    refund.look_at = now + LEASE
    return bool(claimed)


def _asked_about(refund: Refund) -> QuerySet[Refund]:
    """The row, while it is as it was when the provider was asked: an answer about an earlier state changes nothing."""
    return Refund.objects.filter(pk=refund.pk, status=refund.status, receipt=refund.receipt)


def _apply(refund: Refund, answer: Answer, now: datetime) -> Result:
    if isinstance(answer, UnderWay):
        _look_later(refund, now, answer.reason)
        return answer
    # A hint that came during the call asks for another look-up, because it can be about a later state.
    hint = Case(When(look_at=refund.look_at, then=None), default="look_at")
    if refund.status == RefundStatus.SUCCEEDED:
        _asked_about(refund).update(look_at=hint)
        return Paid(answer.receipt)
    status = settle(RefundStatus.PROCESSING, Outcome.PAID)
    with transaction.atomic():
        _asked_about(refund).update(status=status, receipt=answer.receipt, failure="", settled_at=now, look_at=hint)
        tell(refund, now)
    return Paid(answer.receipt)


def _look_later(refund: Refund, now: datetime, why: str, after: timedelta | None = None) -> None:
    """Set the next look-up, unless a hint has asked for an earlier one. A paid refund has no place for the reason."""
    wait = max(wait_for_look_up(now - (refund.accepted_at or refund.settled_at or now)), after or timedelta(0))
    reason = {"failure": why[:ANSWER_KEPT]} if refund.status == RefundStatus.PROCESSING else {}
    _asked_about(refund).filter(look_at=refund.look_at).update(look_at=now + wait, **reason)


def _fail(refund: Refund, reason: str, now: datetime) -> GiveUp:
    """Fail the refund; one that had succeeded is marked, and `health` reports it until an operator has acted."""
    if was_paid := refund.status == RefundStatus.SUCCEEDED:
        reason = f"failed after it had succeeded: {reason}"
    outcome = Outcome.REVERSED if was_paid else Outcome.GIVEN_UP
    with transaction.atomic():
        changed = _asked_about(refund).update(
            status=settle(RefundStatus(refund.status), outcome),
            failure=reason[:ANSWER_KEPT],
            receipt="",
            # The provider's no is final for the idempotency key: who tries again asks with another one.
            refusals=F("refusals") + 1,
            settled_at=now,
            look_at=None,
            reversed_at=now if was_paid else None,
        )
        tell(refund, now)
    if changed and was_paid:
        logger.error("%s %s", refund, reason)
    return GiveUp(reason)
