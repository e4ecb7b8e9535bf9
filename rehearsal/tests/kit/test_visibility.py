"""Redis' visibility timeout: what it delivers again, and what keeps it from doing so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from celery_rehearsal import VirtualCelery

from .conftest import KYIV, NOON

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)


def test_a_countdown_beyond_the_visibility_timeout(app: Celery) -> None:
    """With the defaults of Redis a countdown of 5 hours runs 5 times."""
    with VirtualCelery(app, start=NOON, transport="fakeredis") as celery:
        app.tasks["note"].apply_async(countdown=5 * 3600)
        celery.advance(6 * HOUR)
        celery.assert_ran("note", at=[NOON + 5 * HOUR] * 5)


def test_a_due_date_in_the_database(app: Celery) -> None:
    """With the due date in a row, and a beat entry that looks at the rows, it runs once."""
    rows = {"r1": NOON + 5 * HOUR}

    @app.task(name="look", shared=False)
    def look() -> None:
        for key in [key for key, due in rows.items() if due <= datetime.now(KYIV)]:
            del rows[key]
            app.tasks["note"].delay(key)

    app.conf.beat_schedule = {"look": {"task": "look", "schedule": 60.0}}
    with VirtualCelery(app, start=NOON, transport="fakeredis") as celery:
        celery.advance(6 * HOUR)
        celery.assert_ran("note", at=[NOON + 5 * HOUR])


def test_a_longer_visibility_timeout_is_honoured(app: Celery) -> None:
    """The app's own transport options count: with 6 hours the countdown of 5 runs once."""
    app.conf.broker_transport_options = {"visibility_timeout": 6 * 3600}
    with VirtualCelery(app, start=NOON, transport="fakeredis") as celery:
        app.tasks["note"].apply_async(countdown=5 * 3600)
        celery.advance(12 * HOUR)
        celery.assert_ran("note", times=1)


@pytest.mark.parametrize(("task", "runs"), [("late", 2), ("note", 1)])
@pytest.mark.parametrize("at", ["start", "end"])
def test_a_worker_that_dies_in_a_task(app: Celery, task: str, runs: int, at: str) -> None:
    """Late acks: redelivered once the timeout has passed. Early acks: lost."""
    with VirtualCelery(app, start=NOON, transport="fakeredis", workers=2) as celery:
        celery.kill_worker(during=task, at=at)
        app.tasks[task].delay()
        celery.advance(timedelta(minutes=59))
        celery.assert_ran(task, times=1)
        celery.advance(3 * HOUR)
        celery.assert_ran(task, times=runs)
        assert len(celery.timeline.of("succeeded", task)) == runs - 1
        assert celery.timeline.of("worker lost")[0].detail == f"at the {at} of {task}"


def test_a_worker_that_starts_restores_what_is_overdue(app: Celery) -> None:
    """What a dead worker held for the visibility timeout runs as soon as the next worker starts."""
    with VirtualCelery(app, start=NOON, transport="fakeredis") as celery:
        celery.kill_worker(during="late", at="start")
        app.tasks["late"].delay()
        celery.advance(HOUR)
        celery.start_worker()
        celery.advance(timedelta(seconds=1))
        celery.assert_ran("late", at=[NOON, NOON + HOUR])


def test_what_a_dead_worker_held_comes_back_in_its_order(app: Celery) -> None:
    """kombu restores the latest first, to the front. Messages of one instant have an order too."""
    with VirtualCelery(app, start=NOON, transport="fakeredis", concurrency=8) as celery:
        for number in range(8):
            app.tasks["note"].apply_async((number,), countdown=60)
        celery.advance(timedelta(seconds=1))
        celery.kill_worker()
        celery.advance(HOUR)
        celery.start_worker()
        celery.run_until_idle()
        again = celery.timeline.of("received", "note")[8:]
        assert [record.args for record in again] == [(number,) for number in range(8)]
