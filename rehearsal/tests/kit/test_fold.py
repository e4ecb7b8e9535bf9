"""The hour that comes twice when clocks go back: local time, intervals, crontabs, countdowns and expiry."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import celery as celery_package
import pytest
from celery.schedules import crontab, schedule
from celery_rehearsal import VirtualCelery
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

# Celery 5.5 and 5.6 add seconds to the local time and lose its fold.
FOLD_IS_KEPT = Version(celery_package.__version__) >= Version("5.7")

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

# When local time goes back, by zone. Lord Howe goes back by half an hour; Dublin and Casablanca to a negative DST.
CHANGES = {
    "Europe/Kyiv": datetime(2026, 10, 25, 1, 0, tzinfo=timezone.utc),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, 0, tzinfo=timezone.utc),
    "Europe/Dublin": datetime(2026, 10, 25, 1, 0, tzinfo=timezone.utc),
    "Africa/Casablanca": datetime(2026, 2, 15, 2, 0, tzinfo=timezone.utc),
    "America/New_York": datetime(2026, 11, 1, 6, 0, tzinfo=timezone.utc),
    "America/St_Johns": datetime(2026, 11, 1, 4, 30, tzinfo=timezone.utc),
}


@pytest.fixture(params=CHANGES)
def zone(request: pytest.FixtureRequest, app: Celery) -> str:
    """A zone whose clocks go back; the app is in it."""
    app.conf.update(timezone=request.param)
    return str(request.param)


@pytest.fixture
def change(zone: str) -> datetime:
    """The instant at which they do."""
    assert CHANGES[zone].astimezone(ZoneInfo(zone)).fold == 1
    return CHANGES[zone]


def test_half_past_one_utc_is_half_past_three_in_kyiv_winter_time(app: Celery) -> None:
    """The second 03:30 of 25 October is two hours ahead of UTC."""
    with VirtualCelery(app, start=datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc)):
        assert datetime.now(ZoneInfo("Europe/Kyiv")).isoformat() == "2026-10-25T03:30:00+02:00"
        assert app.now().isoformat() == "2026-10-25T03:30:00+02:00"


def test_local_time_is_right_before_and_after_the_change(app: Celery, change: datetime, zone: str) -> None:
    """Each minute of two hours reads as Python converts its instant, fold and offset included."""
    with VirtualCelery(app, start=change - HOUR, beats=0, transport="memory") as celery:
        for _ in range(120):
            expected = celery.now.astimezone(ZoneInfo(zone))
            for now in (datetime.now(ZoneInfo(zone)), app.now()):
                assert (now, now.utcoffset(), now.fold) == (expected, expected.utcoffset(), expected.fold)
            celery.advance(MINUTE)


def test_a_countdown_runs_when_celery_says(app: Celery, change: datetime, transport: str) -> None:
    """Sent every ten minutes of the two hours, a countdown of 60 runs at the ETA that Celery makes of that instant."""
    with VirtualCelery(app, start=change - HOUR, transport=transport, beats=0) as celery:
        due = []
        for _ in range(12):
            app.tasks["note"].apply_async(countdown=60)
            due.append(max(celery.now, _header(app, celery.now, "eta", countdown=60)))
            celery.advance(10 * MINUTE)
        celery.advance(HOUR)
        celery.assert_ran("note", at=due)
    if FOLD_IS_KEPT:
        assert due == [change - HOUR + MINUTE + 10 * MINUTE * n for n in range(12)]


def test_a_message_expires_when_celery_says(app: Celery, change: datetime) -> None:
    """Of messages with `expires=600`, a worker that comes after 9 or 11 minutes drops those that Celery lets expire."""
    with VirtualCelery(app, start=change - HOUR, transport="fakeredis", beats=0) as celery:
        ran: list[datetime] = []
        expired: list[datetime] = []
        for minutes in (9, 11) * 6:
            celery.stop_worker("worker1")
            last = _header(app, celery.now, "expires", expires=600)
            app.tasks["note"].apply_async(expires=600)
            celery.advance(minutes * MINUTE)
            (expired if celery.now > last else ran).append(celery.now)
            celery.start_worker("worker1")
            celery.advance(timedelta(0))
        celery.assert_ran("note", at=ran)
        assert [record.at for record in celery.timeline.of("expired", "note")] == expired
    if FOLD_IS_KEPT:
        assert len(ran) == len(expired) == 6


def test_an_aware_eta_runs_at_its_instant(app: Celery, change: datetime, zone: str) -> None:
    """Of two ETAs with the same local time, the one with fold=1 runs later by the change."""
    second = (change + 10 * MINUTE).astimezone(ZoneInfo(zone))
    etas = [second.replace(fold=0), second]
    with VirtualCelery(app, start=change - HOUR, beats=0, transport="memory") as celery:
        for eta in etas:
            app.tasks["note"].apply_async(eta=eta)
        celery.advance(2 * HOUR)
        celery.assert_ran("note", at=[eta.astimezone(timezone.utc) for eta in etas])


def test_a_naive_eta_is_read_as_utc(app: Celery, change: datetime) -> None:
    """A naive ETA means UTC to a worker, also in the repeated hour."""
    eta = change + 10 * MINUTE
    with VirtualCelery(app, start=change - HOUR, beats=0, transport="memory") as celery:
        app.tasks["note"].apply_async(eta=eta.replace(tzinfo=None))
        celery.advance(2 * HOUR)
        celery.assert_ran("note", at=eta)


def test_a_crontab_runs_when_celery_says(app: Celery, change: datetime) -> None:
    """Every quarter of an hour: the same runs as the schedule gives when it is asked without a frozen clock."""
    entry = partial(crontab, minute="*/15", app=app)
    app.conf.beat_schedule = {"quarterly": {"task": "note", "schedule": entry()}}
    runs = _runs(app, change)
    assert runs == _asked(app, entry, change)
    # Celery runs each local time once, and goes on after the change.
    assert [run for run in runs if run >= change + HOUR] == [change + HOUR + 15 * MINUTE * n for n in range(5)]


@pytest.mark.parametrize("minutes", [pytest.param(1, marks=pytest.mark.long), 10])
def test_an_interval_runs_when_celery_says(app: Celery, change: datetime, minutes: int) -> None:
    """The same runs as the schedule gives when it is asked without a frozen clock; from Celery 5.7 on, all of them."""
    entry = partial(schedule, minutes * MINUTE, app=app)
    app.conf.beat_schedule = {"often": {"task": "note", "schedule": entry()}}
    runs = _runs(app, change)
    assert runs == _asked(app, entry, change)
    if FOLD_IS_KEPT:
        assert runs == [change - 2 * HOUR + minutes * MINUTE * n for n in range(1, 240 // minutes + 1)]


def _header(app: Any, now: datetime, name: str, **options: int) -> datetime:
    """What Celery writes in a message that is sent at the instant, without any clock."""
    headers = app.amqp.as_task_v2("id", "note", now=now.astimezone(app.timezone), **options).headers
    return datetime.fromisoformat(headers[name]).astimezone(timezone.utc)


def _runs(app: Any, change: datetime) -> list[datetime]:
    with VirtualCelery(app, start=change - 2 * HOUR) as celery:
        celery.advance(4 * HOUR)
        return [record.at for record in celery.timeline.of("started", "note")]


def _asked(app: Any, entry: Callable[..., Any], change: datetime) -> list[datetime]:
    """The minutes at which the schedule says that it is due, its clock being an argument."""
    now = last = (change - 2 * HOUR).astimezone(app.timezone)
    asked = entry(nowfun=lambda: now)
    runs = []
    for minute in range(1, 241):
        now = (change - 2 * HOUR + minute * MINUTE).astimezone(app.timezone)
        if asked.is_due(last).is_due:
            last = now
            runs.append(now.astimezone(timezone.utc))
    return runs
