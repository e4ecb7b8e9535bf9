"""What beat sends, and when: built from the domain's cut-off."""

from typing import Any

from celery.schedules import crontab

from .domain import cutoff
from .operations import RECONCILE_EVERY


def beat_schedule() -> dict[str, dict[str, Any]]:
    """The beat entries, for `beat_schedule`. They are read in the app's `timezone`, which must be Europe/Kyiv."""
    return {
        "decline-pending": {
            "task": "refunds.decline_pending",
            "schedule": crontab(hour=str(cutoff.TIME.hour), minute=str(cutoff.TIME.minute)),
        },
        "reconcile": {
            "task": "refunds.reconcile",
            "schedule": RECONCILE_EVERY.total_seconds(),
            # The next one does the same work: a backlog of them helps nobody. Told twice, because django-celery-beat
            # drops the first (its issue 280) and everything else passes over the second.
            "options": {
                "expires": RECONCILE_EVERY.total_seconds(),
                "expire_seconds": int(RECONCILE_EVERY.total_seconds()),
            },
        },
    }
