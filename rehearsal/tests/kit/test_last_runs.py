"""An entry that last ran after the instant that it is was made outside of the cluster, and would wait for that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import crontab, schedule
from celery_rehearsal import BadUseError, VirtualCelery

from .conftest import KYIV, NOON
from .shop import make_app

if TYPE_CHECKING:
    from pathlib import Path

    from celery import Celery

FILE = "celery.beat:PersistentScheduler"
HOUR = timedelta(hours=1)


class Stored(Scheduler):
    """A scheduler whose entries come from elsewhere, with when they last ran."""

    last_run_at: datetime
    schedule_of: Any = schedule(600)

    def setup_schedule(self) -> None:
        """Read the entries."""
        self.data = {"stored": self.Entry("stored", "note", self.last_run_at, schedule=self.schedule_of, app=self.app)}


def stored(last_run_at: datetime, **attributes: Any) -> Any:
    return type("Stored", (Stored,), {"last_run_at": last_run_at, **attributes})


def test_schedule_file_of_a_later_time_is_refused(app: Celery, tmp_path: Path) -> None:
    """The file of a beat that ran an hour later, as one that a real beat has written."""
    app.conf.beat_schedule = {"often": {"task": "note", "schedule": 600}}
    options: Any = {"scheduler": FILE, "schedule_filename": str(tmp_path / "schedule")}
    with VirtualCelery(app, start=NOON + HOUR, **options) as celery:
        celery.advance(minutes=10)
    refusal = r"entry 'often' last ran at 2026-01-15 .* set its last_run_at to the"
    with VirtualCelery(app, start=NOON + HOUR, **options) as celery, pytest.raises(BadUseError, match=refusal):
        celery.advance(minutes=1)
    with VirtualCelery(app, start=NOON + 2 * HOUR, **options) as celery:
        celery.advance(minutes=1)
        celery.assert_ran("note", times=1)


def test_clock_that_is_set_back_makes_no_future(app: Celery) -> None:
    """An entry that ran before the clock was set back is the cluster's own."""
    app.conf.beat_schedule = {"often": {"task": "note", "schedule": 600}}
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(minutes=10)
        celery.step_clock(-HOUR)
        celery.advance(minutes=10)
        celery.assert_sent("note", times=1)


def test_last_run_that_changes_nothing_is_allowed(app: Celery) -> None:
    """An 18:00 entry that last ran at 13:00 is due at 18:00, and at 12:00, too."""
    app.conf.beat_scheduler = stored(NOON + HOUR, schedule_of=crontab(hour=18, minute=0, app=app))
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(days=1)
        celery.assert_sent("note", at=NOON.replace(hour=18))


@pytest.mark.parametrize(("hours", "refused"), [(2, False), (24, True)])
def test_naive_last_run_of_another_zone_is_allowed(app: Celery, hours: int, refused: bool) -> None:
    """Celery reads local time as UTC, so such an entry waits for hours, in production too."""
    local = NOON.astimezone(KYIV).replace(tzinfo=None) + timedelta(hours=hours - 2)
    app.conf.beat_scheduler = stored(local)
    with VirtualCelery(app, start=NOON) as celery:
        if refused:
            with pytest.raises(BadUseError, match="'stored'"):
                celery.advance(minutes=1)
        else:
            celery.advance(hours=3)
            assert celery.timeline.of("beat")[0].at == NOON + 2 * HOUR + timedelta(minutes=10)


def test_entry_class_that_inherits_is_due_is_checked(app: Celery) -> None:
    """The check is in each class that the entry's class comes from."""

    class Base(ScheduleEntry):
        """As django-celery-beat's, with a method of its own."""

        def is_due(self) -> Any:
            own: Any = self
            return own.schedule.is_due(own.last_run_at)

    app.conf.beat_scheduler = stored(NOON + HOUR, Entry=type("Entry", (Base,), {}))
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(BadUseError, match="'stored'"):
        celery.advance(minutes=1)


def test_redbeat_entry_of_real_time_is_refused() -> None:
    """An entry object keeps the instant at which it was made, which is at import in many applications."""
    redbeat: Any = pytest.importorskip("redbeat", reason="celery-redbeat is not installed")
    app = make_app(
        beat_scheduler="redbeat.RedBeatScheduler",
        redbeat_redis_url="redis://schedule.invalid/3",
        redbeat_redis_options={},
        result_expires=None,
    )
    made = redbeat.RedBeatSchedulerEntry("made before", "note", schedule(60), app=app)
    with VirtualCelery(app, start=NOON) as celery:
        with pytest.raises(BadUseError, match="'made before' last ran at"):
            made.save()
        made.last_run_at = celery.now
        made.save()
        celery.advance(minutes=10)
        celery.assert_ran("note", times=10)
