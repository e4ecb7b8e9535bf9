"""Drift between beat's rows and the declared schedule: what is compared, and what health reports."""

from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import pytest
from celery import current_app
from celery.schedules import crontab, solar
from django.utils.translation import override
from django_celery_beat.schedulers import ModelEntry
from pytest_django import Settings

from refunds import signals
from refunds.apps import LABEL
from refunds.beat import drift, receivers
from refunds.beat.drift import Drift, compare
from refunds.domain import cutoff
from refunds.schedule import beat_schedule

from ..factories import NOON
from .beats import DECLARED, DECLINE, OURS, RECONCILE, STOCK, model

pytestmark = pytest.mark.django_db
MINUTE, HOUR, ZONE = cutoff.TIME.minute, cutoff.TIME.hour, cutoff.ZONE.key
EARLIER = str((HOUR - 1) % 24)
BY_HAND = {"by hand": {"task": RECONCILE, "schedule": 60.0}}
OPTIONS = {"expire_seconds": 30, "queue": "payments", "priority": 0}
NO_JSON = "Expecting value: line 1 column 2 (char 1)"
PARTS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone")
Entries = dict[str, dict[str, Any]]
EVERY_KIND: Entries = {
    "by clock": {"task": "a", "schedule": crontab(hour="7", minute="0", day_of_week="1-5")},
    "by seconds": {"task": "a", "schedule": 90.0, "options": OPTIONS},
    "by timedelta": {"task": "a", "schedule": timedelta(hours=2), "args": (1, "b"), "kwargs": {"c": [2]}},
}
if find_spec("ephem"):
    at_greenwich = {"task": "a", "schedule": solar("sunset", 51.4779, 0.0), "options": {"headers": {"h": 1}}}
    EVERY_KIND["by sun"] = at_greenwich


def write(declared: Entries) -> None:
    for name, entry in declared.items():
        ModelEntry.from_entry(name, app=current_app, **entry)


@pytest.fixture
def stored() -> Entries:
    """Store and return the declared schedule, as django-celery-beat writes it."""
    declared = beat_schedule()
    write(declared)
    return declared


def test_rows_of_the_stock_scheduler_do_not_drift(stored: Entries) -> None:
    """Neither our entries do, nor any other kind of entry, except that the stock scheduler drops a lone `expires`."""
    write(EVERY_KIND)
    assert compare(stored | EVERY_KIND) == []
    declared = {"a": {"task": "a", "schedule": 60.0, "options": {"expires": 30}}}
    write(declared)
    assert compare(declared) == [Drift("a", "expire_seconds", 30, None)]


@pytest.mark.parametrize(
    ("columns", "field", "declared", "found"),
    [
        ({"task": RECONCILE}, "task", DECLINE, RECONCILE),
        ({"args": "[1]"}, "args", [], [1]),
        ({"kwargs": '{"a": 1}'}, "kwargs", {}, {"a": 1}),
        ({"queue": "payments"}, "queue", None, "payments"),
        ({"exchange": "e"}, "exchange", None, "e"),
        ({"routing_key": "k"}, "routing_key", None, "k"),
        ({"priority": 0}, "priority", None, 0),
        ({"headers": '{"a": 1}'}, "headers", {}, {"a": 1}),
        ({"expire_seconds": 9}, "expire_seconds", None, 9),
        ({"enabled": False}, "enabled", True, False),
        ({"one_off": True}, "one_off", False, True),
        ({"start_time": NOON}, "start_time", None, NOON),
        ({"expires": NOON}, "expires", None, NOON),
        ({"crontab": None}, "schedule", DECLARED, None),
        ({"args": "["}, "row", "can be compared", f"cannot be compared: JSONDecodeError({NO_JSON!r})"),
    ],
)
def test_changed_column_is_named(
    stored: Entries, columns: dict[str, Any], field: str, declared: object, found: object
) -> None:
    """The drift names entry, field, declared and found value; the other entries do not drift."""
    model("PeriodicTask").objects.filter(name="decline-pending").update(**columns)
    assert compare(stored) == [Drift("decline-pending", field, declared, found)]


@pytest.mark.parametrize(
    ("part", "value"),
    [("hour", EARLIER), ("minute", "*/7"), ("day_of_month", "1"), ("month_of_year", "2"), ("day_of_week", "1-5"),
     ("timezone", "UTC")],
)  # fmt: skip
def test_each_part_of_a_crontab_is_compared(stored: Entries, part: str, value: str) -> None:
    """The time zone is one of them."""
    parts = dict(zip(PARTS, DECLARED.split(), strict=True)) | {part: value}
    model("CrontabSchedule").objects.filter(hour=str(HOUR)).update(**{part: value})
    assert compare(stored) == [Drift("decline-pending", "schedule", DECLARED, " ".join(parts.values()))]


def test_changed_interval_and_second_schedule_are_named(stored: Entries) -> None:
    """A row with two schedules follows the first, and cannot be saved."""
    model("IntervalSchedule").objects.update(every=40)
    row = model("CrontabSchedule").objects.get()
    model("PeriodicTask").objects.filter(name="reconcile").update(crontab=row)
    assert compare(stored) == [Drift("reconcile", "schedule", "every 0:00:30", f"every 0:00:40 and {DECLARED}")]


def test_changed_place_is_named() -> None:
    """The sun sets elsewhere."""
    pytest.importorskip("ephem")
    write(EVERY_KIND)
    model("SolarSchedule").objects.update(longitude=31)
    assert [str(found) for found in compare(EVERY_KIND)] == [
        "by sun: schedule is 'sunset at 51.477900, 31.000000', declared is 'sunset at 51.477900, 0.000000'"
    ]


def test_undeclared_is_an_enabled_row_that_sends_our_task_or_was_declared(
    stored: Entries,
) -> None:
    """A disabled row or another app's row is not."""
    rows = model("PeriodicTask").objects
    write({name: {"task": "shop.a", "schedule": 60.0} for name in ("of before", "other", "disabled of before")})
    write({name: {"task": RECONCILE, "schedule": 60.0} for name in ("by hand", "disabled by hand")})
    rows.filter(name__in=["of before", "disabled of before"]).update(description=drift.NOTE)
    rows.filter(name__startswith="disabled").update(enabled=False)
    assert [row["name"] for row in drift.undeclared(stored)] == ["by hand", "of before"]


def health() -> list[str]:
    """Return what this room answers to the core's `health`."""
    answers: dict[Any, Any] = dict(signals.health_requested.send(None, now=NOON))
    found: list[str] = answers[receivers.report_drift]
    return found


@pytest.mark.usefixtures("stored")
def test_health_names_drift_and_undeclared_entries(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each says what to do; no line where rows and code agree, or where beat does not read the rows."""
    write(BY_HAND)
    assert health() == []  # the settings name a file
    settings.CELERY_BEAT_SCHEDULER = STOCK  # Celery before 5.6 reads this, whatever is assigned below
    assigned: Any = current_app.conf.changes  # conf itself would keep a value after the test
    monkeypatch.setitem(assigned, "beat_scheduler", STOCK)
    model("PeriodicTask").objects.filter(name="by hand").delete()
    assert health() == []
    write(BY_HAND)
    model("CrontabSchedule").objects.filter(hour=str(HOUR)).update(hour=EARLIER)
    model("PeriodicTask").objects.filter(name="reconcile").delete()
    end = f"; correct it in the admin, or run beat with {OURS}"
    edited = f"{MINUTE} {EARLIER} * * * {ZONE}"
    other_end = "; disable it in the admin, or declare it"
    assert health() == [
        f"schedule drift: decline-pending: schedule is '{edited}', declared is '{DECLARED}'{end}",
        f"schedule drift: reconcile: its row is missing{end}",
        f"undeclared entry: by hand sends {LABEL}.reconcile, and the code declares no such entry{other_end}",
    ]
    with override("uk"):
        edit, missing, by_hand = health()
    assert f"decline-pending: schedule має значення '{edited}', оголошено '{DECLARED}'; виправте" in edit
    assert missing.startswith("розклад відрізняється від оголошеного: reconcile: рядка немає; ")
    assert by_hand.startswith(f"неоголошений запис розкладу: by hand надсилає {LABEL}.reconcile, ")
