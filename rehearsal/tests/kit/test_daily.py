"""Assertions about each local day."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.schedules import crontab
from celery_rehearsal import BadUseError, VirtualCelery

from .conftest import KYIV, NOON

if TYPE_CHECKING:
    from celery import Celery


def beat(app: Celery, **when: Any) -> None:
    app.conf.beat_schedule = {"daily": {"task": "note", "schedule": crontab(**when)}}


def test_an_entry_fires_at_its_local_time_for_a_year(app: Celery) -> None:
    """366 days from now, over both changes of the clock; time has passed after it."""
    beat(app, hour=18, minute=0)
    with VirtualCelery(app, start=NOON) as celery:
        celery.assert_local("daily", "18:00")
        assert celery.now.astimezone(KYIV).date() == NOON.date() + timedelta(days=365)
        celery.assert_local("daily", time(18), days=2)
        celery.assert_ran("note", times=368)


def test_a_day_without_the_time_fails(app: Celery) -> None:
    """The spring Sunday has no 03:30, and the failure says so and when beat fired."""
    beat(app, hour=3, minute=30)
    with (
        VirtualCelery(app, start=datetime(2026, 3, 27, 12, tzinfo=KYIV)) as celery,
        pytest.raises(
            AssertionError, match=r"03:30:00 Europe/Kyiv on each of 5 days\n  2026-03-29: 03:30:00 does"
        ) as e,
    ):
        celery.assert_local("daily", "03:30", days=5)
    assert "03:30:00 does not exist, the clocks skip it; beat fired " in str(e.value)
    assert "2026-03-30" not in str(e.value).partition("\nfound")[0]


def test_a_time_that_comes_twice_is_right_once(app: Celery) -> None:
    """On the autumn Sunday 03:30 comes twice: an entry that fires once passes."""
    beat(app, hour=3, minute=30)
    with VirtualCelery(app, start=datetime(2026, 10, 24, 12, tzinfo=KYIV)) as celery:
        celery.assert_local("daily", "03:30", days=2)


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ({"hour": 18, "minute": 0, "day_of_week": "mon-fri"}, "2026-01-17: beat fired never\n  2026-01-18: beat"),
        ({"hour": "9,18", "minute": 0}, "2026-01-16: beat fired 2 times, at 09:00:00 EET, 18:00:00 EET (beat1)"),
        ({"hour": "13", "minute": 0}, "2026-01-15: beat fired at 13:00:00 EET"),
    ],
)
def test_wrong_days_are_named(app: Celery, when: dict[str, Any], text: str) -> None:
    """Days on which it fired never, twice or at another time."""
    beat(app, **when)
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(AssertionError) as caught:
        celery.assert_local("daily", "18:00", days=4)
    assert text in str(caught.value)


def test_two_beats_fire_twice(app: Celery) -> None:
    """Without a lock each beat fires, which is not once."""
    beat(app, hour=18, minute=0)
    with VirtualCelery(app, start=NOON, beats=2) as celery, pytest.raises(AssertionError, match=r"beat1, beat2"):
        celery.assert_local("daily", "18:00", days=1)


@pytest.mark.parametrize("at", ["6pm", 18, time(18, tzinfo=KYIV)])
def test_a_wall_time_is_wanted(app: Celery, at: Any) -> None:
    """Without a zone, which is the entry's own."""
    beat(app, hour=18, minute=0)
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(BadUseError, match="assert_local"):
        celery.assert_local("daily", at)


def test_an_entry_and_a_beat_are_wanted(app: Celery) -> None:
    """A misspelled entry is refused, and so is a cluster without a beat or with too short a timeline."""
    beat(app, hour=18, minute=0)
    with VirtualCelery(app, start=NOON, beats=0) as celery:
        with pytest.raises(BadUseError, match="near names: daily"):
            celery.assert_local("dayly", "18:00")
        with pytest.raises(BadUseError, match="no beat runs"):
            celery.assert_local("daily", "18:00")
    with VirtualCelery(app, start=NOON, timeline_limit=9) as celery, pytest.raises(BadUseError, match="timeline_limit"):
        celery.assert_local("daily", "18:00", days=9)


def test_once_a_day(app: Celery) -> None:
    """A task, a function of records, and instants; the first and the last day can be without."""
    beat(app, hour=18, minute=0)
    came: list[datetime] = []
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(days=3)
        celery.assert_once("note")
        celery.assert_once(lambda record: record.kind == "beat")
        came += [record.at for record in celery.timeline.of("succeeded", "note")]
        celery.assert_once(came, per="day")
        app.tasks["note"].delay()
        celery.advance(timedelta(0))
        celery.assert_once(app.tasks["note"])
        celery.advance(hours=7)
        with pytest.raises(AssertionError, match=r"2026-01-18: 2 times, at 12:00:00 EET, 18:00:00 EET"):
            celery.assert_once("note")
        del came[1]
        with pytest.raises(AssertionError, match=r"2026-01-16: never\nfound"):
            celery.assert_once(came)


def test_once_a_day_asks_for_what_it_knows(app: Celery) -> None:
    """Another period, a number and an unknown task are refused."""
    with VirtualCelery(app, start=NOON) as celery:
        for effect, per, text in (("note", "hour", "per="), (5, "day", "give a task"), ("nota", "day", "no task")):
            with pytest.raises(BadUseError, match=text):
                celery.assert_once(effect, per=per)


def test_a_redelivered_run_is_not_once(app: Celery) -> None:
    """A worker that dies after the effect lets the task run again on the same day."""
    with VirtualCelery(app, start=NOON, transport="fakeredis", workers=2) as celery:
        celery.kill_worker(during="late", at="end")
        app.tasks["late"].delay()
        celery.advance(hours=2)
        with pytest.raises(AssertionError, match="2026-01-15: 2 times, at 12:00:00 EET, 13:"):
            celery.assert_once("late")
