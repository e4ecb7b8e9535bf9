"""Beat's rows against the schedule that the code declares, where django-celery-beat keeps one in the database.

The package is optional: its models are asked of Django, and only where it is installed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from celery import current_app
from celery.schedules import crontab, maybe_schedule, solar
from celery.schedules import schedule as interval
from django.apps import apps
from django.db import DatabaseError
from django.db.models import Manager
from kombu.utils.json import dumps, loads

Declared = Mapping[str, Mapping[str, Any]]

PACKAGE: Final = "django_celery_beat"
SCHEDULER: Final = "refunds.beat.scheduler:DeclaredScheduler"
# What the row of a declared entry says of itself; without it, a row was added by hand.
NOTE: Final = "Declared by the code, which puts back what is changed here."
# What no entry in the code can say, and a row must not: it would keep the entry from being sent.
UNHINDERED: Final[Mapping[str, Any]] = {"enabled": True, "one_off": False, "start_time": None, "expires": None}
ROUTING: Final = ("queue", "exchange", "routing_key", "priority")


@dataclass(frozen=True)
class Drift:
    """A field of an entry's row that is not as the code declares it; `row` where there is none to compare."""

    entry: str
    field: str
    declared: object
    found: object

    def __str__(self) -> str:
        if self.field == "row":
            return f"{self.entry}: its row {self.found}"
        return f"{self.entry}: {self.field} is {self.found!r}, declared is {self.declared!r}"


def compare(declared: Declared) -> list[Drift]:
    """Every difference between the entries, as in `beat_schedule`, and their rows. Writes nothing."""
    return [drift for name, entry in declared.items() for drift in _differences(name, entry)]


def undeclared(declared: Declared) -> list[dict[str, Any]]:
    """Name, task and description of the enabled rows that send a task of this app, or were declared, and are not."""
    rows = periodic_tasks().filter(enabled=True).exclude(name__in=declared).order_by("name")
    # as columns: whatever else is in the row need not be readable
    found = rows.values("name", "task", "description")
    return [row for row in found if row["task"].startswith("refunds.") or row["description"] == NOTE]


def lines() -> list[str]:
    """A line for each drift and each undeclared entry; none where beat's schedule is not in the database."""
    if not apps.is_installed(PACKAGE):
        return []
    from django_celery_beat.utils import is_database_scheduler

    if not is_database_scheduler(current_app.conf.beat_scheduler):
        return []
    declared = current_app.conf.beat_schedule
    return [
        *(
            f"schedule drift: {drift}; put it back in the admin, or run beat by {SCHEDULER}"
            for drift in compare(declared)
        ),
        *(f"undeclared entry: {text(row)}; disable it in the admin, or declare it" for row in undeclared(declared)),
    ]


def text(row: Mapping[str, Any]) -> str:
    """A row of `undeclared` in words."""
    return f"{row['name']} sends {row['task']}, and the code declares no such entry"


def periodic_tasks() -> "Manager[Any]":
    """All rows. Raises LookupError where django-celery-beat is not installed."""
    manager: Manager[Any] = apps.get_model(PACKAGE, "PeriodicTask")._default_manager
    return manager


def expire_seconds(options: Mapping[str, Any]) -> int | None:
    """How long a message is good for, in whole seconds: django-celery-beat's name for it, or else Celery's."""
    seconds = options.get("expire_seconds", options.get("expires"))
    return int(seconds) if isinstance(seconds, int | float) else None


def _differences(name: str, entry: Mapping[str, Any]) -> Iterator[Drift]:
    try:
        wanted = _wanted(entry)
        row = periodic_tasks().filter(name=name).first()
        found = row and _found(row)
    except DatabaseError:
        raise  # the database is away, which is nothing about this row
    except Exception as wrong:  # whatever is in it: JSON, a crontab, a time zone that this machine does not know
        yield Drift(name, "row", "can be compared", f"cannot be compared: {wrong!r}")
        return
    if found is None:
        yield Drift(name, "row", "is there", "is missing")
        return
    for field, value in wanted.items():
        if found[field] != value:
            yield Drift(name, field, value, found[field])


def _wanted(entry: Mapping[str, Any]) -> dict[str, Any]:
    options = entry.get("options") or {}
    return {
        "task": entry["task"],
        "schedule": _in_words(maybe_schedule(entry["schedule"])),
        # there and back, as they come out of a row: a tuple is a list
        "args": loads(dumps(entry.get("args") or [])),
        "kwargs": loads(dumps(entry.get("kwargs") or {})),
        **{field: options.get(field) for field in ROUTING},
        "headers": loads(dumps(options.get("headers") or {})),
        "expire_seconds": expire_seconds(options),
        **UNHINDERED,
    }


def _found(row: Any) -> dict[str, Any]:
    # all that are set: a row with two cannot be saved
    timings = filter(None, (row.interval, row.crontab, row.solar, row.clocked))
    return {
        "task": row.task,
        "schedule": " and ".join(_in_words(timing.schedule) for timing in timings) or None,
        "args": loads(row.args or "[]"),
        "kwargs": loads(row.kwargs or "{}"),
        **{field: None if getattr(row, field) == "" else getattr(row, field) for field in ROUTING},
        "headers": loads(row.headers or "{}"),
        "expire_seconds": row.expire_seconds,
        **{field: getattr(row, field) for field in UNHINDERED},
    }


def _in_words(schedule: Any) -> str:
    if isinstance(schedule, crontab):
        fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        return " ".join([*(str(getattr(schedule, f"_orig_{field}")) for field in fields), str(schedule.tz)])
    if isinstance(schedule, solar):
        return f"{schedule.event} at {float(schedule.lat):.6f}, {float(schedule.lon):.6f}"
    # its attribute is missing from the types
    return f"every {vars(schedule)['run_every']}" if isinstance(schedule, interval) else repr(schedule)
