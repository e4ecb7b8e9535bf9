"""Connects the parts of rooms whose receivers are written on other branches; goes with their merge."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.dispatch import receiver

from . import outbox, signals
from .beat import drift
from .gateways import Limiter
from .models import Refund
from .notices import sending
from .operations import local
from .operations.reconcile import claimed, of_messages
from .remedies import closing
from .tracking import look_ups

UNTOLD = timedelta(minutes=15)


@receiver(signals.reconciling, dispatch_uid=__name__)
def reconciling(*, now: datetime, patience: timedelta, limiter: Limiter | None, **_: Any) -> dict[str, int]:
    return {"notices": notices(now, patience), "look_ups": look_ups.send_look_ups(now, limiter, patience)}


def notices(now: datetime, patience: timedelta) -> int:
    seldom = Q(settled_at__gt=now - UNTOLD) | Q(notify_at__lte=now - UNTOLD)
    owed = Refund.objects.filter(seldom, notify_at__lte=now - patience)
    if not owed.exists():
        return 0
    ready = outbox.ready(outbox.NOTIFY_CUSTOMER)
    sizes = owed.order_by().values("notify_at").annotate(size=Count("pk")).values_list("size", flat=True)
    lost = sum(-(-size // sending.LOT) for size in sizes) - ready
    rows = owed.order_by("notify_at", "pk").values_list("pk", "notify_at")[:5000]
    with claimed(owed, of_messages(rows, lost, sending.LOT), notify_at=now) as found:
        sending.send_notices(sorted(refund.pk for refund in found))
    return len(found)


@receiver(signals.health_requested, dispatch_uid=__name__)
def health(*, now: datetime, **_: Any) -> list[str]:
    late = Refund.objects.filter(notify_at__isnull=False, settled_at__lte=now - UNTOLD)
    oldest = late.order_by("settled_at").first()
    told = ""
    if oldest is not None:
        told = (
            f"untold customers: {late.count()} past their time, the oldest (refund {oldest.pk}) owed a mail since "
            f"{local(oldest.settled_at)}; look at the mail server, and start a worker on the queue mail"
        )
    return [*closing.paid_twice(now), *filter(None, [told]), *look_ups.lines(now), *drift.lines()]
