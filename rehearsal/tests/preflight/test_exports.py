"""Monitors for Sentry and Healthchecks: the fields that they document, and times at which beat sends the entry."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery.schedules import crontab, schedule, solar
from celery_rehearsal.preflight.entries import reading
from celery_rehearsal.preflight.exports import cron, export
from celery_rehearsal.preflight.firings import plans
from celery_rehearsal.preflight.plan import Driven, Plan
from hypothesis import given, settings
from hypothesis import strategies as st

from .schedule_apps import START, Thirds, make_app
from .test_schedule_command import call

DAY = timedelta(days=1)


def exported(service: str, entries: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What is printed for an app with these entries."""
    app = make_app(entries, **options)
    with reading(app, START) as read:
        found = zip(read.entries, plans(read, read.entries, START + 40 * DAY), strict=True)
        return dict(json.loads(export(service, app, found, margin=5)))


def refused(service: str, every: Any, name: str = "it", **options: Any) -> str:
    """Why the service cannot express a schedule."""
    found = exported(service, {name: every}, **options)
    assert found["monitors"] == []
    (reason,) = found["refused"]
    assert reason["entry"] == name
    return str(reason["reason"])


def test_sentry_gets_a_crontab_in_its_zone() -> None:
    """With the margin of a late check-in and the task's time limit, in minutes."""
    found = exported("sentry", {"daily.report": crontab(hour="8,18", minute=0)}, task_time_limit=90)
    assert found == {
        "service": "sentry",
        "monitors": [
            {
                # What Sentry makes of the name that its SDK sends.
                "monitor_slug": "dailyreport",
                "monitor_config": {
                    "schedule": {"type": "crontab", "value": "0 8,18 * * *"},
                    "checkin_margin": 5,
                    "max_runtime": 2,
                    "timezone": "Europe/Kyiv",
                },
            }
        ],
        "refused": [],
    }


@pytest.mark.parametrize(("minutes", "value", "unit"), [(60, 1, "hour"), (90, 90, "minute"), (2880, 48, "hour")])
def test_sentry_gets_an_interval_in_elapsed_time(minutes: int, value: int, unit: str) -> None:
    """In hours or minutes, never in days of the calendar."""
    (found,) = exported("sentry", {"it": timedelta(minutes=minutes)}, timezone="UTC")["monitors"]
    assert found["monitor_config"]["schedule"] == {"type": "interval", "value": value, "unit": unit}


def test_healthchecks_gets_a_crontab_in_its_zone() -> None:
    """The grace is the margin and the time that the run can take, in seconds."""
    found = exported("healthchecks", {"daily report": crontab(hour=18, minute=0)}, task_time_limit=90)
    assert found["monitors"] == [
        {
            "name": "daily report",
            "slug": "daily-report",
            "unique": ["slug"],
            "desc": "note, crontab 0 18 * * *",
            "schedule": "0 18 * * *",
            "tz": "Europe/Kyiv",
            "grace": 390,
        }
    ]


def test_healthchecks_gets_an_interval_as_its_timeout() -> None:
    """In seconds, from a minute on."""
    (found,) = exported("healthchecks", {"it": 90}, timezone="UTC")["monitors"]
    assert (found["timeout"], found["grace"]) == (90, 300)
    assert "schedule" not in found


@pytest.mark.parametrize("service", ["sentry", "healthchecks"])
@pytest.mark.parametrize(
    ("every", "reason"),
    [
        (30, "its interval of 30 s is"),
        (Thirds(), "schedule_apps.Thirds is neither a crontab nor an interval"),
        (schedule(3600, relative=True), "its interval is relative"),
        (90.5, "its interval of 90.5 s is no number of seconds"),
        (crontab(0, 0, day_of_month="1-7", day_of_week="mon"), "Celery runs it on days that are both, cron on days"),
    ],
)
def test_what_a_service_cannot_express_is_refused(service: str, every: Any, reason: str) -> None:
    """By the entry's name, and never approximated."""
    assert reason in refused(service, every)


def test_a_solar_schedule_is_refused() -> None:
    """It has another time each day."""
    pytest.importorskip("ephem", reason="ephem is not installed")
    assert "<solar: sunset at latitude 50, longitude: 30> is neither" in refused("sentry", solar("sunset", 50, 30))


def test_names_that_a_service_cannot_keep_are_refused() -> None:
    """Too long, without letters, or equal to another's."""
    daily = crontab(hour=18, minute=0)
    assert "has more than 50 letters" in refused("sentry", daily, "a" * 51)
    assert "a name has at most 100 letters" in refused("healthchecks", daily, "a" * 101)
    assert "no letter or digit of ASCII" in refused("sentry", daily, "день")
    both = exported("sentry", {"a b": daily, "a-b": daily})
    assert [found["monitor_slug"] for found in both["monitors"]] == ["a-b"]
    assert both["refused"] == [{"entry": "a-b", "reason": "its slug a-b is that of entry a b: rename one of them"}]


def test_times_beyond_a_services_limits_are_refused() -> None:
    """A run of more than a week, a period of more than a year, a schedule of more than 100 letters."""
    daily = crontab(hour=18, minute=0)
    assert "longer than Sentry's 10,080" in refused("sentry", daily, task_time_limit=8 * 86_400)
    assert "makes a grace of" in refused("healthchecks", daily, task_time_limit=366 * 86_400)
    assert "not between a minute and a year" in refused("healthchecks", timedelta(days=366), timezone="UTC")
    scattered = crontab(",".join(str(minute) for minute in range(60) if minute not in {3, 7}), 0)
    assert "letters, more than 100" in refused("healthchecks", scattered)


def test_an_interval_that_does_not_keep_elapsed_time_is_refused() -> None:
    """As up to Celery 5.6, where a day's interval keeps local time and has 23 hours in spring."""
    app = make_app({"it": timedelta(days=1)})
    sent = START, START + DAY, START + timedelta(hours=47)
    with reading(app, START) as read:
        text = export("sentry", app, [(read.entries[0], Plan("it", (Driven(sent),)))], margin=5)
    (found,) = json.loads(text)["refused"]
    words = "after 2027-03-02T00:00:00Z beat leaves 82,800 s instead of 86,400, because the clocks change"
    assert found == {"entry": "it", "reason": words}


def test_a_zone_without_a_name_is_refused() -> None:
    """A fixed offset is not one that a service has."""
    zone = timezone(timedelta(hours=2))
    assert "has no IANA name" in refused("healthchecks", crontab(hour=1, minute=0), timezone=zone)


fields: Any = st.fixed_dictionaries(
    {
        "minute": st.sampled_from(["0", "*/7", "5-10", "1,2", "*", "59", "0-58/2"]),
        "hour": st.sampled_from(["*", "*/5", "8,18", "9-17", "23"]),
        "month_of_year": st.sampled_from(["*", "*/2", "2", "6-8"]),
    }
)
days: Any = st.one_of(
    st.fixed_dictionaries({"day_of_week": st.sampled_from(["*", "mon-fri", "*/2", "0", "sat,sun"])}),
    st.fixed_dictionaries({"day_of_month": st.sampled_from(["*", "*/2", "1", "29", "10-20"])}),
)


@settings(max_examples=60, deadline=None, database=None)
@given(fields, days)
def test_the_cron_string_names_the_crontabs_times(written: dict[str, str], day: dict[str, str]) -> None:
    """What Celery reads from the string has the same numbers in each field, and is written the same way again."""
    original = crontab(**written, **day)
    read = crontab.from_string(cron(original)) if hasattr(crontab, "from_string") else None
    if read is None:
        minute, hour, day_of_month, month_of_year, day_of_week = cron(original).split()
        read = crontab(minute, hour, day_of_week, day_of_month, month_of_year)
    assert read == original
    assert cron(read) == cron(original)


def test_the_cron_string_has_beats_hours() -> None:
    """Each time that beat sends the entry in a year is in the string's fields, in the zone that is exported."""
    with reading(make_app({"it": crontab(minute="5,35", hour="9-17", day_of_week="mon-fri")}), START) as read:
        (found,) = plans(read, read.entries, START + 300 * DAY)
        minute, hour, _day, _month, weekday = cron(read.entries[0].schedule).split()
    assert (minute, hour, weekday) == ("5,35", "9-17", "1-5")
    local = [at.astimezone(ZoneInfo("Europe/Kyiv")) for at in found]
    assert {at.minute for at in local} == {5, 35}
    assert {at.hour for at in local} == set(range(9, 18))
    assert {at.isoweekday() for at in local} == {1, 2, 3, 4, 5}


def test_the_command_prints_them() -> None:
    """For the entries that it was asked for, with its margin."""
    done = call("--export", "sentry", "--entry", "daily", "--entry", "poll", "--margin", "2")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [each["monitor_slug"] for each in found["monitors"]] == ["daily"]
    assert found["monitors"][0]["monitor_config"]["checkin_margin"] == 2
    # Its task's own time limit rather than that of the settings.
    assert found["monitors"][0]["monitor_config"]["max_runtime"] == 10
    assert [each["entry"] for each in found["refused"]] == ["poll"]


def test_a_service_that_is_unknown_is_refused() -> None:
    """By click, which lists those that there are."""
    assert call("--export", "pager").exit_code == 2
