"""Beat's rows against the declared schedule: what is compared, and what health says of it."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest
from celery.schedules import crontab, solar
from django.apps import apps
from django_celery_beat.schedulers import ModelEntry
from pytest_django import Settings

from celery_app import app
from refunds.beat import drift
from refunds.beat.drift import Drift, compare
from refunds.operations import reconcile
from refunds.schedule import beat_schedule

from ..factories import NOON

pytestmark = pytest.mark.django_db
SIX = "0 18 * * * Europe/Kyiv"
STOCK = "django_celery_beat.schedulers:DatabaseScheduler"
EVERY_KIND: dict[str, dict[str, Any]] = {
    "by clock": {"task": "a", "schedule": crontab(hour="18", minute="0", day_of_week="1-5")},
    "by seconds": {"task": "a", "schedule": 90.0, "options": {"expire_seconds": 30, "queue": "mail", "priority": 0}},
    "by timedelta": {"task": "a", "schedule": timedelta(hours=2), "args": (1, "b"), "kwargs": {"c": [2]}},
    "by sun": {"task": "a", "schedule": solar("sunset", 50.4501, 30.5241), "options": {"headers": {"h": 1}}},
}


def write(declared: dict[str, dict[str, Any]]) -> None:
    for name, entry in declared.items():
        ModelEntry.from_entry(name, app=app, **entry)


def model(name: str) -> Any:
    return apps.get_model(drift.PACKAGE, name)


@pytest.fixture
def stored() -> dict[str, dict[str, Any]]:
    """The declared schedule, and its rows as django-celery-beat writes them."""
    declared = beat_schedule()
    write(declared)
    return declared


@pytest.fixture
def stock(settings: Settings) -> Generator[None]:
    """The settings name django-celery-beat's own scheduler."""
    before = app.conf.beat_scheduler
    settings.CELERY_BEAT_SCHEDULER = STOCK  # what Celery before 5.6 reads, whatever is assigned below
    app.conf.beat_scheduler = STOCK
    yield
    app.conf.beat_scheduler = before


def test_rows_as_the_stock_scheduler_writes_them_do_not_drift(stored: dict[str, dict[str, Any]]) -> None:
    """Of our entries, and of every kind of entry."""
    write(EVERY_KIND)
    assert compare(stored | EVERY_KIND) == []


def test_an_expiry_by_celerys_name_alone_drifts() -> None:
    """The stock scheduler drops it, and that is found."""
    declared = {"a": {"task": "a", "schedule": 60.0, "options": {"expires": 30}}}
    write(declared)
    assert compare(declared) == [Drift("a", "expire_seconds", 30, None)]


@pytest.mark.parametrize(
    ("columns", "field", "declared", "found"),
    [
        ({"task": "refunds.reconcile"}, "task", "refunds.decline_pending", "refunds.reconcile"),
        ({"args": "[1]"}, "args", [], [1]),
        ({"kwargs": '{"a": 1}'}, "kwargs", {}, {"a": 1}),
        ({"queue": "mail"}, "queue", None, "mail"),
        ({"exchange": "e"}, "exchange", None, "e"),
        ({"routing_key": "k"}, "routing_key", None, "k"),
        ({"priority": 0}, "priority", None, 0),
        ({"headers": '{"a": 1}'}, "headers", {}, {"a": 1}),
        ({"expire_seconds": 9}, "expire_seconds", None, 9),
        ({"enabled": False}, "enabled", True, False),
        ({"one_off": True}, "one_off", False, True),
        ({"start_time": NOON}, "start_time", None, NOON),
        ({"expires": NOON}, "expires", None, NOON),
        ({"crontab": None}, "schedule", SIX, None),
        (
            {"args": "["},
            "row",
            "can be compared",
            "cannot be compared: JSONDecodeError('Expecting value: line 1 column 2 (char 1)')",
        ),
    ],
)
def test_each_column_that_differs_is_named(
    stored: dict[str, dict[str, Any]], columns: dict[str, Any], field: str, declared: object, found: object
) -> None:
    """By entry, field, what is declared and what was found; the other entries do not drift."""
    model("PeriodicTask").objects.filter(name="decline-pending").update(**columns)
    assert compare(stored) == [Drift("decline-pending", field, declared, found)]


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"hour": "17"}, "0 17 * * * Europe/Kyiv"),
        ({"minute": "*/5"}, "*/5 18 * * * Europe/Kyiv"),
        ({"day_of_month": "1"}, "0 18 1 * * Europe/Kyiv"),
        ({"month_of_year": "2"}, "0 18 * 2 * Europe/Kyiv"),
        ({"day_of_week": "1-5"}, "0 18 * * 1-5 Europe/Kyiv"),
        ({"timezone": "UTC"}, "0 18 * * * UTC"),
    ],
)
def test_each_part_of_a_crontab_counts(stored: dict[str, dict[str, Any]], columns: dict[str, str], found: str) -> None:
    """Its time zone too."""
    model("CrontabSchedule").objects.filter(hour="18").update(**columns)
    assert compare(stored) == [Drift("decline-pending", "schedule", SIX, found)]


def test_another_interval_and_a_second_schedule_are_named(stored: dict[str, dict[str, Any]]) -> None:
    """A row with two schedules follows the first, and cannot be saved."""
    model("IntervalSchedule").objects.update(every=40)
    row = model("CrontabSchedule").objects.get()
    model("PeriodicTask").objects.filter(name="reconcile").update(crontab=row)
    assert compare(stored) == [Drift("reconcile", "schedule", "every 0:00:30", f"every 0:00:40 and {SIX}")]


def test_another_place_is_named() -> None:
    """Where the sun sets elsewhere."""
    write(EVERY_KIND)
    model("SolarSchedule").objects.update(longitude=31)
    assert [str(found) for found in compare(EVERY_KIND)] == [
        "by sun: schedule is 'sunset at 50.450100, 31.000000', declared is 'sunset at 50.450100, 30.524100'"
    ]


def test_what_is_undeclared_is_an_enabled_row_of_ours_or_a_declared_one_of_before(
    stored: dict[str, dict[str, Any]],
) -> None:
    """Neither a disabled row nor another app's."""
    rows = model("PeriodicTask").objects
    note = {"description": drift.NOTE}
    write({name: {"task": "shop.a", "schedule": 60.0} for name in ("of before", "other", "disabled of before")})
    write({name: {"task": "refunds.reconcile", "schedule": 60.0} for name in ("by hand", "disabled by hand")})
    rows.filter(name__in=["of before", "disabled of before"]).update(**note)
    rows.filter(name__startswith="disabled").update(enabled=False)
    assert [row["name"] for row in drift.undeclared(stored)] == ["by hand", "of before"]


@pytest.mark.usefixtures("stored", "stock")
def test_health_names_drift_and_undeclared_entries() -> None:
    """A line for each, with what to do; none where rows and code agree."""
    assert reconcile.health(NOON) == []
    write({"by hand": {"task": "refunds.reconcile", "schedule": 60.0}})
    model("CrontabSchedule").objects.filter(hour="18").update(hour="17")
    model("PeriodicTask").objects.filter(name="reconcile").delete()
    end = "; put it back in the admin, or run beat by refunds.beat.scheduler:DeclaredScheduler"
    other_end = "; disable it in the admin, or declare it"
    assert reconcile.health(NOON) == [
        f"schedule drift: decline-pending: schedule is '0 17 * * * Europe/Kyiv', declared is '{SIX}'{end}",
        f"schedule drift: reconcile: its row is missing{end}",
        f"undeclared entry: by hand sends refunds.reconcile, and the code declares no such entry{other_end}",
    ]


def test_health_passes_over_rows_that_beat_does_not_read() -> None:
    """With the schedule in a file, what another app keeps in the tables is nobody's business here."""
    write({"by hand": {"task": "refunds.reconcile", "schedule": 60.0}})
    assert reconcile.health(NOON) == []
