"""18:00 in Kyiv is 18:00 every day, whatever the clocks do."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from celery.schedules import crontab
from celery_rehearsal import VirtualCelery
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import KYIV
from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery

# Both changes of each year: the last Sundays of March and October.
CHANGES = [date(2026, 3, 29), date(2026, 10, 25), date(2027, 3, 28), date(2028, 10, 29)]

READERS = {"worker1": ["celery"]}


def schedule(app: Celery, hours: str = "*") -> None:
    """One decline at 18:00, and an hourly entry beside it."""
    app.conf.beat_schedule = {
        "decline": {"task": "note", "schedule": crontab(hour=18, minute=0)},
        # To a queue that no worker here reads: it is beat's company that matters, and runs are what takes time.
        "hourly": {"task": "late", "schedule": crontab(minute=15, hour=hours), "options": {"queue": "unread"}},
    }


def declined(celery: VirtualCelery) -> list[datetime]:
    return [record.at.astimezone(KYIV) for record in celery.timeline.of("succeeded", "note")]


def expected(first: date, days: int) -> list[datetime]:
    noons = (datetime(first.year, first.month, first.day, 18, tzinfo=KYIV) + timedelta(n) for n in range(days))
    return list(noons)


@pytest.mark.hypothesis  # for `-m hypothesis`, with which thorough runs
def test_a_year_of_declines(transport: str) -> None:
    """366 days over both changes: one decline each local day at 18:00:00.000, beside an hourly entry.

    The hourly entry runs each hour of the year only when there is time for it (`tox run -e thorough`), and twice a day
    otherwise. Around the changes of the clock, the tests below run it each hour.
    """
    app = make_app(task_ignore_result=True)
    hourly = "REHEARSAL_THOROUGH" in os.environ
    schedule(app, "*" if hourly else "*/12")
    start = datetime(2026, 3, 1, 12, 0, tzinfo=KYIV)
    with VirtualCelery(app, start=start, transport=transport, workers=READERS) as celery:
        celery.run_until(datetime(2027, 3, 2, 12, 0, tzinfo=KYIV))
        assert declined(celery) == expected(date(2026, 3, 1), 366)
        # A year has 8760 hours; the crontab loses the repeated hour of the autumn Sunday.
        assert len(celery.timeline.of("sent", "late")) == (366 * 24 - 1 if hourly else 366 * 2)


@settings(max_examples=30 if "REHEARSAL_THOROUGH" in os.environ else 5, deadline=None, database=None)
@given(
    change=st.sampled_from(CHANGES),
    minutes=st.integers(0, 5 * 24 * 60),
    seconds=st.integers(0, 59),
    transport=st.sampled_from(["memory", "fakeredis"]),
)
def test_any_start_before_a_change(change: date, minutes: int, seconds: int, transport: str) -> None:
    """From any second of the five days before a change, each of the next days has one decline at 18:00:00."""
    app = make_app()
    schedule(app)
    midnight = datetime(change.year, change.month, change.day, tzinfo=KYIV)
    start = midnight - timedelta(minutes=minutes, seconds=seconds)
    with VirtualCelery(app, start=start, transport=transport, workers=READERS) as celery:
        celery.run_until(midnight + timedelta(days=3, hours=12))
        days = (change - start.date()).days + 3
        wanted = [at for at in expected(start.date(), days) if at >= start]
        assert declined(celery) == wanted


@pytest.mark.parametrize("day", CHANGES)
def test_the_day_of_a_change(app: Celery, transport: str, day: date) -> None:
    """On the very day of a change the decline is at 18:00:00 too."""
    schedule(app)
    start = datetime(day.year, day.month, day.day, 0, 30, tzinfo=KYIV)
    with VirtualCelery(app, start=start, transport=transport, workers=READERS) as celery:
        celery.run_until(start.replace(hour=23))
        assert declined(celery) == expected(day, 1)
