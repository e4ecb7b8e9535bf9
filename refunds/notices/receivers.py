"""What this room does when refunds are settled and reopened."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from .. import queries, signals
from ..domain.sweeps import IdRange
from ..models import Refund
from . import sending


@receiver(signals.refunds_settled, dispatch_uid=f"{__name__}.settled")
def settled(*, id_range: IdRange, now: datetime, **_: Any) -> None:
    """Plan a mail about the outcome, and send its message on commit."""
    sending.send_notices(queries.owe_notices(id_range, now))


@receiver(signals.refunds_reopened, dispatch_uid=f"{__name__}.reopened")
def reopened(*, ids: Sequence[int], now: datetime, **_: Any) -> None:
    """Drop a mail that is no longer true; one that is being sent is left to its sender."""
    Refund.objects.filter(pk__in=ids, notify_at__lte=now).update(notify_at=None)
