"""Periodic tasks: an interval, a crontab and the sun, sent by the real beat scheduler in virtual time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from celery import current_app
from celery.schedules import crontab, schedule, solar
from celery_rehearsal import VirtualCelery

from lesson.app import app

KYIV = ZoneInfo("Europe/Kyiv")
MELBOURNE = ZoneInfo("Australia/Melbourne")
# A Thursday.
START = datetime(2026, 3, 19, 12, 0, tzinfo=KYIV)


@contextmanager
def beating(when: Any, start: datetime = START) -> Iterator[VirtualCelery]:
    """The app with `when` as its one beat entry, one worker and one beat."""
    before, current = app.conf.beat_schedule, cast("Any", current_app)._get_current_object()
    # As an app of default options is in its own process: beat asks the current app for the zone.
    app.set_current()
    app.conf.beat_schedule = {"add": {"task": "lesson.app.add", "schedule": when, "args": (16, 16)}}
    try:
        with VirtualCelery(app, start=start) as celery:
            yield celery
    finally:
        app.conf.beat_schedule = before
        current.set_current()


def ran(celery: VirtualCelery, zone: ZoneInfo, form: str) -> list[str]:
    """When the task ran, by the clocks of the zone."""
    return [record.at.astimezone(zone).strftime(form) for record in celery.timeline.of("succeeded")]


def test_every_30_seconds() -> None:
    """`30.0` is an interval in seconds, counted from when beat started."""
    for when in (30.0, timedelta(seconds=30), schedule(30.0)):
        with beating(when) as celery:
            celery.advance(timedelta(minutes=2))
            assert ran(celery, KYIV, "%H:%M:%S") == ["12:00:30", "12:01:00", "12:01:30", "12:02:00"]


def test_monday_mornings_at_half_past_seven() -> None:
    """`crontab(hour=7, minute=30, day_of_week=1)`: Mondays at 7:30 by the app's clocks, over a change of them too."""
    with beating(crontab(hour=7, minute=30, day_of_week=1)) as celery:
        celery.advance(timedelta(days=21))

        assert ran(celery, KYIV, "%a %d %b %H:%M:%S %z") == [
            "Mon 23 Mar 07:30:00 +0200",
            "Mon 30 Mar 07:30:00 +0300",  # the clocks went forward on Sunday the 29th
            "Mon 06 Apr 07:30:00 +0300",
        ]


def test_arguments_of_the_entry() -> None:
    """The entry's `args` are the task's."""
    with beating(30.0) as celery:
        celery.advance(timedelta(seconds=30))
        assert [record.args for record in celery.timeline.of("received")] == [(16, 16)]


def test_sunset_in_melbourne() -> None:
    """`solar("sunset", -37.81753, 144.96715)`: once a day, at the almanac's minute, wherever the app's clocks are."""
    with beating(solar("sunset", -37.81753, 144.96715)) as celery:
        celery.advance(timedelta(days=3))

        assert ran(celery, MELBOURNE, "%d %b %H:%M") == ["20 Mar 19:32", "21 Mar 19:30", "22 Mar 19:29"]
