"""When beat wakes: at an entry's own instant, and each 300 s where Celery relies on that."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery.schedules import schedule
from celery_rehearsal import VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery


class Waiting(schedule):
    """Says nothing until a minute has passed; then it is due. It leaves when to ask again to beat."""

    def is_due(self, last_run_at: Any) -> Any:
        due = self.now() - last_run_at >= timedelta(minutes=1)
        return due, 86_400.0 if due else None


class Counting(schedule):
    """Holds a count that its `__reduce__` leaves out, as many schedules of applications do."""

    count = 0

    def is_due(self, last_run_at: Any) -> Any:
        self.count += 1
        return super().is_due(last_run_at)


def run(app: Celery, entry: schedule, minutes: int) -> list[timedelta]:
    app.conf.beat_schedule = {"only": {"task": "note", "schedule": entry}}
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(minutes=minutes)
        return [record.at - NOON for record in celery.timeline.of("beat")]


def test_an_entry_between_full_hundredths_is_on_time(app: Celery) -> None:
    """An interval that ends between two full 10 ms is sent at its own millisecond, time after time."""
    every = timedelta(seconds=20.003)
    assert run(app, schedule(every), 1) == [every, 2 * every]


def test_an_entry_that_gives_no_time_is_asked_after_300_seconds(app: Celery) -> None:
    """A schedule that does not say when to ask again is asked at beat's longest sleep, not ten years later."""
    # Celery 5.7 takes its 10 ms off this time too.
    assert run(app, Waiting(86_400), 11)[:1] in ([timedelta(seconds=300)], [timedelta(seconds=299.99)])


def test_state_that_is_not_pickled_is_lost(app: Celery) -> None:
    """Beat uses the entries that it has read back from its file: what a schedule does not pickle is gone."""
    counting = Counting(60)
    run(app, counting, 3)
    assert counting.count == 0
