"""Receive the core's signals."""

from datetime import datetime

from django.dispatch import receiver

from .. import signals
from .models import ReconcilerRun


@receiver(signals.reconciling, dispatch_uid=f"{__name__}.keep_run")
def keep_run(now: datetime, **_: object) -> dict[str, int]:
    """Store when the reconciler ran."""
    if not ReconcilerRun.objects.filter(pk=1).update(ran_at=now):
        ReconcilerRun.objects.get_or_create(pk=1, defaults={"ran_at": now})
    return {}
