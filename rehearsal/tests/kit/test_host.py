"""Local time is the host's: by TZ, by Django's TIME_ZONE, or by `host_zone`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from celery.schedules import crontab
from celery.utils.time import timezone as celerys_zones
from celery_rehearsal import BadUseError, VirtualCelery

from . import host
from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

# Half an hour of DST, negative DST, a half-hour offset, and a date line.
ZONES = [
    "America/New_York",
    "America/St_Johns",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/Kyiv",
    "Pacific/Apia",
    "UTC",
]
SUMMER = datetime(2026, 7, 1, 2, 30, tzinfo=timezone.utc)

# Seconds that a real worker may take for what should take ten; a limit for a hang, not a measure.
PATIENCE = 120


@pytest.fixture
def host_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that moves the process to a zone, as TZ does at its start; it moves back after the test."""
    before = os.environ.get("TZ")

    def move(zone: str) -> None:
        os.environ["TZ"] = zone
        time.tzset()

    yield move
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def local_times() -> list[Any]:
    """The local time by every function that tells it without a zone."""
    now = datetime.now()  # noqa: DTZ005
    lines = time.strftime("%Y-%m-%d %H:%M:%S"), time.ctime(), time.asctime(), time.localtime()[:6]
    stamped = datetime.fromtimestamp(time.time())  # noqa: DTZ006
    return [now, datetime.today(), stamped, *lines, date.today(), date.fromtimestamp(time.time()), time.tzname]  # noqa: DTZ002, DTZ011, DTZ012


def expected(zone: str, instant: datetime) -> list[Any]:
    """What they tell on a host in the zone."""
    there = instant.astimezone(ZoneInfo(zone))
    now = there.replace(tzinfo=None)
    lines = f"{now:%Y-%m-%d %H:%M:%S}", now.ctime(), now.ctime(), now.timetuple()[:6]
    return [now, now, now, *lines, now.date(), now.date(), time.tzname]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("start", [NOON, SUMMER])
def test_local_time_follows_host_zone(app: Celery, zone: str, start: datetime) -> None:
    """In winter and in summer, and after the clock has moved."""
    with VirtualCelery(app, start=start, host_zone=zone) as celery:
        assert local_times() == expected(zone, start)
        celery.advance(hours=13)
        assert local_times() == expected(zone, start + timedelta(hours=13))


@pytest.mark.parametrize("zone", ZONES)
def test_local_time_follows_tz(app: Celery, host_in: Callable[[str], None], zone: str) -> None:
    """Without an argument the host is where the process is, and the cluster changes nothing about it."""
    host_in(zone)
    names = time.tzname
    with VirtualCelery(app, start=SUMMER):
        assert local_times() == expected(zone, SUMMER)
        assert (os.environ["TZ"], time.tzname) == (zone, names)
    assert (os.environ["TZ"], time.tzname) == (zone, names)


@pytest.mark.parametrize(
    ("zone", "seconds"),
    [("America/New_York", 0), ("UTC", 20), ("Europe/Kyiv", 2 * 3600 + 20), ("Asia/Kolkata", 5.5 * 3600 + 20)],
)
def test_a_naive_eta_is_the_hosts_time_taken_for_utc(zone: str, seconds: float) -> None:
    """20 s ahead by local time runs at once in New York, and two hours late in Kyiv, as in production."""
    app = make_app(timezone=None)
    with VirtualCelery(app, start=NOON, beats=0, transport="memory", host_zone=zone) as celery:
        app.tasks["note"].apply_async(eta=datetime.now() + timedelta(seconds=20))  # noqa: DTZ005
        celery.advance(days=1)
        celery.assert_ran("note", at=NOON + timedelta(seconds=seconds))


@pytest.mark.processes
@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Kyiv", "UTC"])
def test_a_real_worker_tells_the_same_of_a_naive_eta(zone: str) -> None:
    """A real worker process whose TZ is the zone plans and runs the message as the kit does."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    finished = subprocess.run(
        [sys.executable, "-m", "kit.host"],
        cwd=Path(__file__).parents[1],
        env=environment | {"TZ": zone},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout.splitlines()[-1]) == host.virtual(zone, datetime.now(timezone.utc))


@pytest.mark.parametrize("zones", [("America/New_York", "Europe/Kyiv"), ("Europe/Kyiv", "America/New_York")])
def test_two_clusters_are_on_two_hosts(zones: tuple[str, str]) -> None:
    """With `enable_utc=False` an app is in its host's zone; the second cluster does not remember the first one's."""
    app = make_app(timezone=None, enable_utc=False)
    app.conf.beat_schedule = {"close": {"task": "note", "schedule": crontab(hour=18, minute=0, app=app)}}
    for zone in zones:
        with VirtualCelery(app, start=NOON, host_zone=zone) as celery:
            assert (
                celery.timeline.zone.utcoffset(NOON.replace(tzinfo=None)) == NOON.astimezone(ZoneInfo(zone)).utcoffset()
            )
            celery.advance(days=1)
            celery.assert_ran("note", at=_at_six(zone))


def test_celery_remembers_its_host_after_the_cluster(host_in: Callable[[str], None]) -> None:
    """What Celery and its app knew of the zone before, they know after it."""
    host_in("Europe/Kyiv")
    app: Any = make_app(timezone=None, enable_utc=False)
    before = (app.timezone, celerys_zones.local)
    with VirtualCelery(app, start=NOON, host_zone="Asia/Kolkata"):
        assert app.now().utcoffset() == timedelta(hours=5, minutes=30)
    assert (app.timezone, celerys_zones.local) == before


def test_tz_is_put_back(app: Celery) -> None:
    """After the cluster, and where it could not start, TZ and the C library's zone are as before."""
    before = (os.environ.get("TZ"), time.tzname, time.timezone, time.localtime(0))
    with VirtualCelery(app, start=NOON, host_zone="Asia/Kolkata"):
        assert time.timezone == -5.5 * 3600
    assert (os.environ.get("TZ"), time.tzname, time.timezone, time.localtime(0)) == before
    with pytest.raises((ImportError, AttributeError)):
        VirtualCelery(app, start=NOON, host_zone="Asia/Kolkata", scheduler="no.such:Scheduler").__enter__()
    assert (os.environ.get("TZ"), time.tzname, time.timezone, time.localtime(0)) == before


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../UTC", "/etc/localtime", 2, "UTC+2"])
def test_an_unknown_zone_is_refused(app: Celery, zone: Any) -> None:
    """The C library takes every name and means UTC; the kit refuses what is no IANA zone."""
    with pytest.raises(BadUseError, match="host_zone"):
        VirtualCelery(app, start=NOON, host_zone=zone)


def test_a_zone_that_the_system_lacks_is_refused(app: Celery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Python brings zones of its own, and the C library would be in UTC without a word."""
    monkeypatch.setenv("TZDIR", str(tmp_path))
    with pytest.raises(BadUseError, match=r"Asia/Kolkata.*tzdata"):
        VirtualCelery(app, start=NOON, host_zone="Asia/Kolkata").__enter__()


def _at_six(zone: str) -> datetime:
    # The first 18:00 after the start.
    six = NOON.astimezone(ZoneInfo(zone)).replace(hour=18)
    return six if six > NOON else six + timedelta(days=1)
