"""Receive the core's signals."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.dispatch import receiver

from .. import signals
from ..domain.refunds import RefundStatus
from ..domain.sweeps import IdRange
from ..gateways import Gateway
from ..models import Refund
from . import look_ups
from .intervals import SHORTEST_WAIT
from .models import LookUp


@receiver(signals.refund_accepted, dispatch_uid=f"{__name__}.accepted")
def accepted(*, refund: Refund, now: datetime, **_: Any) -> None:
    """Look up the refund soon, or now if a hint came before this answer: the hint can be about a later state."""
    row, is_new = LookUp.objects.get_or_create(pk=refund.pk, defaults={"look_at": now + SHORTEST_WAIT})
    if not is_new:
        row.look_at = now + SHORTEST_WAIT if row.look_at is None else now
        row.sent_at = None
        row.save(update_fields=["look_at", "sent_at"])


@receiver(signals.refunds_settled, dispatch_uid=f"{__name__}.settled")
def settled(*, id_range: IdRange, now: datetime, **_: Any) -> None:
    """Look up a refund once more if it succeeded after a hint or while it was under way. Do not look up failed ones."""
    within = {"pk__gte": id_range.first_id, "pk__lte": id_range.last_id}
    rows = LookUp.objects.filter(**within, look_at__isnull=False, refund__settled_at=now)
    if rows.exists():
        rows.filter(refund__status=RefundStatus.FAILED).update(look_at=None)
        rows.update(look_at=now, sent_at=None)


@receiver(signals.refunds_reopened, dispatch_uid=f"{__name__}.reopened")
def reopened(*, ids: Sequence[int], **_: Any) -> None:
    """Clear the look-ups of the attempts that failed."""
    LookUp.objects.filter(pk__in=ids).update(look_at=None, reversed_at=None)


@receiver(signals.reconciling, dispatch_uid=f"{__name__}.reconciling")
def reconciling(*, now: datetime, patience: timedelta, gateway: Gateway, **_: Any) -> dict[str, int]:
    """Send the look-ups that are due."""
    return {"look_ups": look_ups.send_look_ups(now, gateway, patience)}


@receiver(signals.health_requested, dispatch_uid=f"{__name__}.health")
def health_requested(*, now: datetime, **_: Any) -> list[str]:
    """Report refunds that are under way for long, are not looked up, or failed after they had succeeded."""
    return look_ups.lines(now)
