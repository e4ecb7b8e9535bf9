"""How a refund ends that the provider has accepted: the look-up, and what follows from the answer."""

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet

from ..domain.refunds import Outcome, RefundStatus, settle
from ..domain.retries import GiveUp
from ..errors import UnknownRow
from ..gateways import Answer, Gateway, Limiter, Order, Refused, TryAgain, UnderWay, tracker
from ..models import Refund
from ..operations.payments import ANSWER_KEPT, LEASE, Clock, NotNow, Paid, send_settled
from .intervals import SHORTEST_WAIT, wait_for_look_up
from .models import LookUp

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
    clock: Clock | None = None,
) -> Result:
    """Ask the provider once how a refund has ended, and write down what it says.

    Ask nothing where nothing is due, or where another look-up runs. A refund that has ended gets its status, and the
    core tells the rooms. One that is under way, or whose look-up failed, only gets the time of its next look-up.
    `clock` tells when the call has ended; without it, at `now`. Raises UnknownRow, and ImproperlyConfigured for a
    gateway that has no look_up().
    """
    refund = Refund.objects.select_related("request").filter(pk=refund_id).first()
    if refund is None:
        raise UnknownRow("refund", refund_id)
    row = LookUp.objects.filter(pk=refund_id).first() or LookUp(pk=refund_id)
    if not _is_due(refund, row, now):
        return NotNow()
    provider = tracker(gateway)
    if limiter is not None and not limiter.take():
        # Left to the reconciler's next run, which sends no more than the rate allows.
        _unchanged(row).update(sent_at=None)
        return NotNow()
    if not _claim(row, now):
        return NotNow()
    ended = clock or (lambda: now)
    try:
        answer = provider.look_up(Order.of(refund), refund.receipt)
    except Refused as refused:
        return _fail(refund, refused.reason, ended())
    except TryAgain as failure:
        logger.warning("%s: the look-up of %s failed and is repeated later: %s", refund, refund.receipt, failure)
        _look_later(refund, row, ended(), str(failure), failure.after)
        return NotNow()
    except Exception as bug:
        _look_later(refund, row, ended(), f"{type(bug).__name__}: {bug}")
        raise
    return _apply(refund, row, answer, ended())


def _is_due(refund: Refund, row: LookUp, now: datetime) -> bool:
    # Without a look-up, as when this room was added to a running project, a processing refund is due all the same.
    missing = refund.accepted_at and refund.accepted_at + SHORTEST_WAIT
    look_at = row.look_at or (missing if refund.status == RefundStatus.PROCESSING else None)
    return refund.status in LOOKED_UP and look_at is not None and look_at <= now


def _claim(row: LookUp, now: datetime) -> bool:
    """Keep other look-ups off for a lease; commits before the provider is asked."""
    until = now + LEASE
    with transaction.atomic(durable=True):
        _, claimed = LookUp.objects.get_or_create(pk=row.pk, defaults={"look_at": until})
        claimed = claimed or bool(_unchanged(row).update(look_at=until))
    row.look_at = until
    return claimed


def _unchanged(row: LookUp) -> QuerySet[LookUp]:
    """The look-up, unless another one or a hint has moved it since."""
    return LookUp.objects.filter(pk=row.pk, look_at=row.look_at)


def _asked_about(refund: Refund) -> QuerySet[Refund]:
    """The refund, while it is as the provider was asked about it: an answer about an earlier state changes nothing."""
    return Refund.objects.filter(pk=refund.pk, status=refund.status, receipt=refund.receipt)


def _apply(refund: Refund, row: LookUp, answer: Answer, now: datetime) -> Result:
    if isinstance(answer, UnderWay):
        _look_later(refund, row, now, answer.reason)
        return answer
    was_paid = refund.status == RefundStatus.SUCCEEDED
    changed = {} if was_paid else {"status": settle(RefundStatus.PROCESSING, Outcome.PAID), "settled_at": now}
    with transaction.atomic():
        if _asked_about(refund).update(receipt=answer.receipt, failure="", **changed):
            # A hint that came during the call asks for another look-up, because it can be about a later state.
            _unchanged(row).update(look_at=None)
            if not was_paid:
                send_settled(refund.pk, now)
    return Paid(answer.receipt)


def _look_later(refund: Refund, row: LookUp, now: datetime, why: str, after: timedelta | None = None) -> None:
    """Set the next look-up, unless a hint has asked for an earlier one. A paid refund has no place for the reason."""
    wait = max(wait_for_look_up(now - (refund.accepted_at or refund.settled_at or now)), after or timedelta(0))
    as_asked = _unchanged(row).filter(refund__status=refund.status, refund__receipt=refund.receipt)
    with transaction.atomic():
        if as_asked.update(look_at=now + wait) and refund.status == RefundStatus.PROCESSING:
            _asked_about(refund).update(failure=why[:ANSWER_KEPT])


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
            # The provider's no is final for the idempotency key: the next attempt asks with another one.
            key_number=F("key_number") + 1,
            settled_at=now,
        )
        if changed:
            LookUp.objects.filter(pk=refund.pk).update(look_at=None, reversed_at=now if was_paid else None)
            send_settled(refund.pk, now)
    if changed and was_paid:
        logger.error("%s %s", refund, reason)
    return GiveUp(reason)
