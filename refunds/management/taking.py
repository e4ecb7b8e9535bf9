"""Whether a worker has taken a sweep that a command started: seen by its row, whatever the broker is."""

import time
from typing import Final

from celery import current_app
from django.core.management.base import CommandParser

from ..models import Sweep

# Seconds to wait for a worker: an idle one takes a message within some 50 ms.
WAIT: Final = 2.0
# Seconds between two looks at the row.
LOOK: Final = 0.1


def add_wait(parser: CommandParser) -> None:
    """Add --wait to a command that starts a sweep."""
    parser.add_argument(
        "--wait", type=float, default=WAIT, help=f"seconds to wait for a worker to take the sweep (default: {WAIT:g})"
    )


def line(sweep: Sweep, wait: float) -> str:
    """Say whether a worker has taken the sweep within `wait` seconds, and if not, what to do."""
    if _is_taken(sweep, wait):
        return "A worker has taken it."
    with current_app.connection_for_write() as connection:
        broker = connection.as_uri()  # without its password
    return (
        f"No worker has taken it within {wait:g} s from the broker {broker}: none sees the message, or all are busy. "
        "The sweep is kept in the database, and the reconciler gives it to a worker when one runs. If none runs, start "
        "one, for instance by python -m refunds serve; if yours use another broker, name it in CELERY_BROKER_URL."
    )


def _is_taken(sweep: Sweep, wait: float) -> bool:
    """Look at the row, at least once. The looks are counted, because the clock may be frozen."""
    for _ in range(int(wait / LOOK)):
        if _is_planned(sweep):
            return True
        time.sleep(LOOK)
    return _is_planned(sweep)


def _is_planned(sweep: Sweep) -> bool:
    sweep.refresh_from_db(fields=["planned_at", "closed_at"])
    return sweep.planned_at is not None or sweep.closed_at is not None
