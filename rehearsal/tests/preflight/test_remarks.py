"""What is said of an entry and a change of its zone's clocks. All of it is what Celery's code does."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import celery
import pytest
from celery.schedules import crontab, schedule
from celery_rehearsal.preflight.entries import reading
from celery_rehearsal.preflight.remarks import pass_of
from celery_rehearsal.preflight.schedule_report import report
from celery_rehearsal.preflight.zones import changes, host_zone, name_of, zone_named
from packaging.version import Version

from .schedule_apps import Thirds, make_app

KYIV = ZoneInfo("Europe/Kyiv")
UTC = timezone.utc
DAY = timedelta(days=1)
SPRING, AUTUMN = datetime(2027, 3, 27, 12, tzinfo=UTC), datetime(2027, 10, 30, 12, tzinfo=UTC)


def said(every: Any, start: datetime, zone: str = "Europe/Kyiv") -> list[str]:
    """What is said of an entry in the three days after a start, behind the change."""
    with reading(make_app({"it": every}, timezone=zone), start) as read:
        (line,) = report(read, start + 3 * DAY, KYIV).lines
    return [str(remark).partition("; ")[2] for remark in line.remarks]


@pytest.mark.parametrize(
    ("every", "words"),
    [
        (crontab(minute=30, hour=3), ["03:30 does not exist: beat sends it at 04:30 (01:30 UTC)"]),
        (crontab(minute=30), ["03:30 does not exist: beat sends nothing in place of it"]),
        (
            crontab(minute="*/10", hour=3),
            ["03:00 to 03:50 (6 times) do not exist: beat sends it at 04:00 (01:00 UTC)"],
        ),
        (crontab(minute=30, hour=4), []),
        (crontab(minute=30, hour=3, day_of_week="mon"), []),
        (timedelta(hours=1), []),
        (Thirds(), []),
    ],
)
def test_a_gap_is_named_with_what_beat_does(every: Any, words: list[str]) -> None:
    """Local times that do not exist, and the instants at which beat sends the entry instead."""
    assert said(every, SPRING) == words


def test_a_fold_is_named_with_what_beat_does() -> None:
    """A time that comes twice is sent once, at its first pass; two hours later it is too late for the second."""
    assert said(crontab(minute=30, hour=3), AUTUMN) == ["03:30 comes twice: beat sends it at 03:30 (00:30 UTC) alone"]


def test_an_interval_of_a_day_moves_in_local_time() -> None:
    """From Celery 5.7 on, in spring and in autumn. Up to 5.6 an entry alone has a day of 23 or 25 hours then."""
    moves = Version(celery.__version__) >= Version("5.7")
    spring, autumn = said(timedelta(days=1), SPRING - DAY), said(timedelta(days=1), AUTUMN - DAY)
    kept = "beat leaves {} s between two runs instead of 86,400 s"
    assert spring == ["its local time moves from 14:00 to 15:00" if moves else kept.format("82,800")]
    assert autumn == ["its local time moves from 15:00 to 14:00" if moves else kept.format("90,000")]


def test_a_day_without_changes_has_nothing_to_say() -> None:
    """In a zone without changes, and in weeks without one."""
    assert said(crontab(minute=30, hour=3), SPRING, "Asia/Kolkata") == []
    assert said(crontab(minute=30, hour=3), SPRING - 7 * DAY) == []


def test_each_pass_of_a_repeated_hour_is_marked() -> None:
    """The same local time, an hour later."""
    change = datetime(2027, 10, 31, 1, tzinfo=UTC)
    at = [change + timedelta(minutes=minutes) for minutes in (-61, -30, 30, 61)]
    passes = [pass_of(each, KYIV, AUTUMN, AUTUMN + DAY) for each in at]
    assert passes == ["", "first pass", "second pass", ""]


@pytest.mark.parametrize(
    ("zone", "kinds"),
    [
        ("Europe/Kyiv", ["gap 03:00 04:00", "fold 03:00 04:00"]),
        ("Australia/Lord_Howe", ["fold 01:30 02:00", "gap 02:00 02:30"]),
        ("America/Santiago", ["fold 23:00 00:00", "gap 00:00 01:00"]),
        ("Antarctica/Troll", ["gap 01:00 03:00", "fold 01:00 03:00"]),
        ("Asia/Kolkata", []),
    ],
)
def test_changes_of_a_zone(zone: str, kinds: list[str]) -> None:
    """With the local times that they skip or repeat."""
    start = datetime(2027, 1, 1, tzinfo=UTC)
    found = changes(zone_named(zone), start, start + 365 * DAY)
    assert [f"{each.kind} {each.first:%H:%M} {each.last:%H:%M}" for each in found] == kinds


def test_the_systems_zone_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of TZ first, then that of the system."""
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    assert name_of(host_zone()) == "Asia/Tokyo"
    monkeypatch.delenv("TZ")
    assert name_of(host_zone())


def test_a_relative_interval_is_said_to_be_one() -> None:
    """It keeps to the clock, so it does not count from the start of beat."""
    with reading(make_app({"it": schedule(timedelta(hours=2), relative=True)}), SPRING) as read:
        (line,) = report(read, SPRING + DAY, KYIV).lines
    assert line.pattern == "every 7200 s, on the clock's own boundaries (relative)"
    assert line.notes == ()
