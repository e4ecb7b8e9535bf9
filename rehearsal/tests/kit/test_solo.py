"""A solo worker acks after its task, between two turns of its loop; the numbers are those of real workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from celery_rehearsal import VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery

# Seconds. Three tasks of this length are sent; the worker ends in the second.
LONG = 6


@pytest.mark.parametrize(
    ("transport", "ended", "left", "runs"),
    [
        # A turn reads one message from Redis: the first task is acked, the second comes back.
        ("fakeredis", "kill_worker", 2, 4),
        # A turn reads all that RabbitMQ has sent: none is acked before the last has run.
        ("memory", "kill_worker", 3, 5),
        ("fakeredis", "stop_worker", 1, 3),
        ("memory", "stop_worker", 0, 3),
    ],
)
def test_what_a_solo_worker_leaves(app: Celery, transport: str, ended: str, left: int, runs: int) -> None:
    """SIGKILL loses the acks of the turn; SIGTERM waits for its end."""
    with VirtualCelery(app, start=NOON, transport=transport, beats=0, pool="solo") as celery:
        for _ in range(3):
            app.tasks["nap"].delay(LONG)
        celery.advance(seconds=LONG + 2)
        getattr(celery, ended)()
        pending = celery.pending()
        assert len(pending.queued) + len(pending.unacked) == left
        celery.start_worker()
        celery.run_until_idle()
        celery.assert_ran("nap", times=runs)
