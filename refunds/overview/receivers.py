"""Receive the signals of the core and of Celery."""

from datetime import datetime
from typing import Any

from celery.signals import after_task_publish
from django.db import close_old_connections
from django.db.models import DateTimeField, Value
from django.db.models.functions import Coalesce
from django.dispatch import receiver
from django.utils import timezone

from .. import outbox, signals
from .models import ReconcilerRun


@receiver(signals.reconciling, dispatch_uid=f"{__name__}.keep_run")
def keep_run(now: datetime, **_: object) -> dict[str, int]:
    """Store when the reconciler ran."""
    _store(ran_at=now, unanswered_since=None)
    return {}


@after_task_publish.connect(sender=outbox.RECONCILE, dispatch_uid=f"{__name__}.keep_sent")
def keep_sent(body: Any, **_: object) -> None:
    """Store when beat sent the reconciler's message, whatever its scheduler. Celery logs an error, and beat goes on."""
    if body[1].get("at_start"):  # a worker sent it
        return
    close_old_connections()  # beat has no requests or tasks, at whose beginning Django replaces a broken connection
    now = timezone.now()
    _store(sent_at=now, unanswered_since=Coalesce("unanswered_since", Value(now, DateTimeField())))


def _store(**columns: Any) -> None:
    if not ReconcilerRun.objects.filter(pk=1).update(**columns):
        ReconcilerRun.objects.get_or_create(pk=1)
        ReconcilerRun.objects.filter(pk=1).update(**columns)
