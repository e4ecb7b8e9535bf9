"""Report whether a worker has taken a sweep that a command started. The sweep's row shows it with every broker."""

import time
from typing import Final

from celery import current_app
from django.core.management.base import CommandParser

from ..models import Sweep

# Seconds to wait for a worker: an idle one takes a message within some 50 ms.
WAIT: Final = 2.0
# Seconds between two reads of the row.
LOOK: Final = 0.1


def add_wait(parser: CommandParser) -> None:
    """Add --wait to a command that starts a sweep."""
    parser.add_argument(
        "--wait", type=float, default=WAIT, help=f"seconds to wait for a worker to take the sweep (default: {WAIT:g})"
    )


def line(sweep: Sweep, wait: float) -> str:
    """Return a line that says whether a worker has taken the sweep within `wait` seconds, and if not, what to do."""
    # Count the reads: a test can freeze the clock.
    for _ in range(int(wait / LOOK)):
        if _is_taken(sweep):
            break
        time.sleep(LOOK)
    if _is_taken(sweep):
        return "A worker has taken it."
    with current_app.connection_for_write() as connection:
        broker = connection.as_uri()  # without its password
    return (
        f"No worker has taken it within {wait:g} s from the broker {broker}: no worker reads this broker, or all are "
        "busy. The sweep is stored in the database, and the reconciler sends it to a worker as soon as one runs. If "
        "none runs, start one; if your workers use another broker, name it in CELERY_BROKER_URL."
    )


def _is_taken(sweep: Sweep) -> bool:
    sweep.refresh_from_db(fields=["planned_at", "closed_at"])
    return sweep.planned_at is not None or sweep.closed_at is not None
