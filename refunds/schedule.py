"""What beat sends, and when: built from the domain's cutoff."""

from typing import Any

from celery.schedules import crontab

from . import outbox
from .domain import cutoff
from .operations import RECONCILE_EVERY


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return the beat entries, for `beat_schedule`. Beat reads them in the app's `timezone`: set it to the cutoff's."""
    seconds = RECONCILE_EVERY.total_seconds()
    at_cutoff = crontab(hour=str(cutoff.TIME.hour), minute=str(cutoff.TIME.minute))
    # The next message does the same work, so a backlog of them has no use. Set both keys: django-celery-beat ignores
    # `expires` (its issue 280), and everything else ignores `expire_seconds`.
    options = {"expires": seconds, "expire_seconds": int(seconds)}
    return {
        "decline-pending": {"task": outbox.DECLINE_PENDING, "schedule": at_cutoff},
        "reconcile": {"task": outbox.RECONCILE, "schedule": seconds, "options": options},
    }
