"""What beat sends, and when: built from the domain's cut-off."""

from typing import Any

from celery.schedules import crontab, solar

from .domain import cutoff
from .operations import RECONCILE_EVERY

# Kyiv, Maidan Nezalezhnosti; degrees north and east. A sunset moves by seconds within the city.
KYIV = (50.4501, 30.5241)


def beat_schedule(*, evening_digest: bool = False) -> dict[str, dict[str, Any]]:
    """The beat entries, for `beat_schedule`. They are read in the app's `timezone`, which must be Europe/Kyiv.

    The digest needs the package ephem (`refunds[solar]`).
    """
    entries: dict[str, dict[str, Any]] = {
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
    if evening_digest:
        entries["evening-digest"] = {"task": "refunds.send_digest", "schedule": solar("sunset", *KYIV)}
    return entries
