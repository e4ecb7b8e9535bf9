"""What the core's signals lead to in this room."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Case, When
from django.dispatch import receiver

from .. import queries, signals
from ..domain.sweeps import IdRange
from ..models import Refund
from . import sending


@receiver(signals.refunds_settled, dispatch_uid=f"{__name__}.notify")
def notify(id_range: IdRange, now: datetime, **_: object) -> None:
    """Insert the notices of refunds that were settled at `now`, and send their messages on commit."""
    sending.send_notices(queries.owe_notices(id_range, now))


@receiver(signals.refunds_reopened, dispatch_uid=f"{__name__}.suppress")
def suppress(ids: Sequence[int], now: datetime, **_: object) -> None:
    """Suppress the notices of failures that are no longer true, except one that is being sent."""
    Refund.objects.filter(pk__in=ids).update(notify_at=Case(When(notify_at__gt=now, then="notify_at")))
