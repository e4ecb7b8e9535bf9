"""Look up a refund that the provider has accepted, and apply the answer."""

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet

from .. import signals
from ..domain.refunds import Outcome, RefundStatus, next_status
from ..domain.retries import GiveUp
from ..gateways import Answer, Gateway, Order, Refused, TryAgain, UnderWay
from ..models import Refund
from ..operations.payments import LEASE, Clock, NotNow, find, send_settled, shortened
from .gateways import tracker
from .intervals import SHORTEST_WAIT, wait_for_look_up
from .models import LookUp

logger = logging.getLogger(__name__)

# A pending refund is not looked up; its row keeps the hint until it is settled.
LOOKED_UP: Final = (RefundStatus.PROCESSING, RefundStatus.SUCCEEDED)

Result = Answer | GiveUp | NotNow


def look_up_refund(refund_id: int, now: datetime, *, gateway: Gateway, clock: Clock | None = None) -> Result:
    """Ask the provider once for a refund's outcome, and store the answer.

    Do nothing if no look-up is due or another one runs. A refund that has not ended only gets the time of the next one.
    `clock` says when the call ended. Raises UnknownRow, and ImproperlyConfigured for a gateway without look_up().
    """
    refund = find(refund_id)
    row = LookUp.objects.filter(pk=refund_id).first() or LookUp(pk=refund_id)
    if not _is_due(refund, row, now):
        return NotNow()
    provider = tracker(gateway)
    if not all(signals.answers(signals.call_asked, gateway=gateway, calls=1, waiting=None)):
        _unchanged(row).update(sent_at=None)  # the reconciler sends it again
        return NotNow()
    if not _claim(row, now):
        return NotNow()
    ended = clock or (lambda: now)
    try:
        answer = provider.look_up(Order.of(refund), refund.receipt)
    except (Refused, TryAgain) as failure:
        return _store_failure(refund, row, failure, ended())
    except Exception as bug:
        _look_later(refund, row, ended(), f"{type(bug).__name__}: {bug}")
        raise
    return _store(refund, row, answer, ended())


def _is_due(refund: Refund, row: LookUp, now: datetime) -> bool:
    # A processing refund without a look-up is due too: this room can have been added to a running project.
    missing = refund.accepted_at and refund.accepted_at + SHORTEST_WAIT
    look_at = row.look_at or (missing if refund.status == RefundStatus.PROCESSING else None)
    return refund.status in LOOKED_UP and look_at is not None and look_at <= now


def _claim(row: LookUp, now: datetime) -> bool:
    """Exclude other look-ups for a lease. Commit before the call to the provider."""
    until = now + LEASE
    with transaction.atomic(durable=True):
        _, claimed = LookUp.objects.get_or_create(pk=row.pk, defaults={"look_at": until})
        claimed = claimed or bool(_unchanged(row).update(look_at=until))
    row.look_at = until
    return claimed


def _unchanged(row: LookUp) -> QuerySet[LookUp]:
    """Return the look-up, unless another one or a hint has moved it since."""
    return LookUp.objects.filter(pk=row.pk, look_at=row.look_at)


def _asked_about(refund: Refund) -> QuerySet[Refund]:
    """Return the refund if it has not changed since the call: an answer about an earlier state changes nothing."""
    return Refund.objects.filter(pk=refund.pk, status=refund.status, receipt=refund.receipt)


def _store(refund: Refund, row: LookUp, answer: Answer, now: datetime) -> Answer:
    if isinstance(answer, UnderWay):
        _look_later(refund, row, now, answer.reason)
        return answer
    was_paid = refund.status == RefundStatus.SUCCEEDED
    changed = {} if was_paid else {"status": next_status(RefundStatus.PROCESSING, Outcome.PAID), "settled_at": now}
    with transaction.atomic():
        if _asked_about(refund).update(receipt=answer.receipt, failure="", **changed):
            # Keep the time that a hint set during the call: the hint can be about a later state.
            _unchanged(row).update(look_at=None)
            if not was_paid:
                send_settled(refund.pk, now)
    return answer


def _store_failure(refund: Refund, row: LookUp, failure: Refused | TryAgain, now: datetime) -> GiveUp | NotNow:
    if isinstance(failure, Refused):
        return _fail(refund, str(failure), now)
    why = shortened(str(failure))
    logger.warning("%s: the look-up of %s failed and is repeated later: %s", refund, refund.receipt, why)
    _look_later(refund, row, now, why, failure.after)
    return NotNow()


def _look_later(refund: Refund, row: LookUp, now: datetime, why: str, after: timedelta | None = None) -> None:
    """Set the next look-up, unless a hint has set it. Store the reason, for which a paid refund has no column."""
    wait = max(wait_for_look_up(now - (refund.accepted_at or refund.settled_at or now)), after or timedelta(0))
    as_asked = _unchanged(row).filter(refund__status=refund.status, refund__receipt=refund.receipt)
    with transaction.atomic():
        if as_asked.update(look_at=now + wait) and refund.status == RefundStatus.PROCESSING:
            _asked_about(refund).update(failure=shortened(why))


def _fail(refund: Refund, reason: str, now: datetime) -> GiveUp:
    """Fail the refund. Mark one that had succeeded, so that `health` reports it until an operator has acted."""
    if was_paid := refund.status == RefundStatus.SUCCEEDED:
        reason = f"failed after it had succeeded: {reason}"
    reason = shortened(reason)
    outcome = Outcome.REVERSED if was_paid else Outcome.GIVEN_UP
    with transaction.atomic():
        changed = _asked_about(refund).update(
            status=next_status(RefundStatus(refund.status), outcome),
            failure=reason,
            receipt="",
            # The provider repeats its refusal for this idempotency key, so the next attempt uses another.
            key_number=F("key_number") + 1,
            settled_at=now,
        )
        if changed:
            LookUp.objects.filter(pk=refund.pk).update(look_at=None, reversed_at=now if was_paid else None)
            send_settled(refund.pk, now)
    if changed and was_paid:
        logger.error("%s %s", refund, reason)
    return GiveUp(reason)
