"""Compare beat's rows in the database with the schedule that the code declares. A difference is called drift.

django-celery-beat is optional, so this module gets its models from Django's app registry.
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
from django.utils.translation import gettext
from kombu.utils.json import dumps, loads

from ..apps import LABEL

Declared = Mapping[str, Mapping[str, Any]]

PACKAGE: Final = "django_celery_beat"
SCHEDULER: Final = f"{__package__}.scheduler:DeclaredScheduler"
# The description of a declared entry's row. A row without it was added by hand.
NOTE: Final = "Declared by the code, which restores what is changed here."
# Columns that no entry in the code can set. With any other value, beat would not send the entry.
UNHINDERED: Final[Mapping[str, Any]] = {"enabled": True, "one_off": False, "start_time": None, "expires": None}
# What the row of an entry is, where it cannot be compared.
MISSING, UNREADABLE = "is missing", "cannot be compared: "
ROUTING: Final = ("queue", "exchange", "routing_key", "priority")


@dataclass(frozen=True)
class Drift:
    """A field of a row differs from its declared entry. The field is `row` where the row cannot be compared."""

    entry: str
    field: str
    declared: object
    found: object

    def __str__(self) -> str:
        if self.field == "row":
            return f"{self.entry}: its row {self.found}"
        return f"{self.entry}: {self.field} is {self.found!r}, declared is {self.declared!r}"


def compare(declared: Declared) -> list[Drift]:
    """Return every difference between the entries, as in `beat_schedule`, and their rows. Write nothing."""
    return [drift for name, entry in declared.items() for drift in _differences(name, entry)]


def undeclared(declared: Declared) -> list[dict[str, Any]]:
    """Return the enabled rows without a declared entry that were declared before, or send a task of this app."""
    rows = periodic_tasks().filter(enabled=True).exclude(name__in=declared).order_by("name")
    # Read only these columns: others can be unreadable.
    found = rows.values("name", "task", "description")
    return [row for row in found if row["task"].startswith(f"{LABEL}.") or row["description"] == NOTE]


def lines() -> list[str]:
    """Return one line per drift and per undeclared entry. Return no lines if beat does not read the database."""
    if not reads_rows():
        return []
    declared = current_app.conf.beat_schedule
    differs = gettext("schedule drift: %(drift)s; correct it in the admin, or run beat with %(scheduler)s")
    unknown = gettext(
        "undeclared entry: %(name)s sends %(task)s, and the code declares no such entry; disable it in the admin, or "
        "declare it"
    )
    return [
        *(differs % {"drift": _shown(drift), "scheduler": SCHEDULER} for drift in compare(declared)),
        *(unknown % row for row in undeclared(declared)),
    ]


def _shown(drift: Drift) -> str:
    """Describe a difference in the language of the page. Logs have `str(drift)`."""
    if drift.field != "row":
        text = gettext("%(entry)s: %(field)s is %(found)r, declared is %(declared)r")
    elif drift.found == MISSING:
        text = gettext("%(entry)s: its row is missing")
    else:  # what it has found is an error, in its own words
        text = gettext("%(entry)s: its row %(found)s")
    return text % vars(drift)


def reads_rows() -> bool:
    """Return whether the settings make beat read its schedule from the database."""
    if not apps.is_installed(PACKAGE):
        return False
    from django_celery_beat.utils import is_database_scheduler

    return bool(is_database_scheduler(current_app.conf.beat_scheduler))


def text(row: Mapping[str, Any]) -> str:
    """Describe a row of `undeclared`."""
    return f"{row['name']} sends {row['task']}, and the code declares no such entry"


def periodic_tasks() -> "Manager[Any]":
    """Return the manager of all rows. Raises LookupError where django-celery-beat is not installed."""
    manager: Manager[Any] = apps.get_model(PACKAGE, "PeriodicTask")._default_manager
    return manager


def expire_seconds(options: Mapping[str, Any]) -> int | None:
    """Return the seconds after which a message expires, by django-celery-beat's option or else by Celery's."""
    seconds = options.get("expire_seconds", options.get("expires"))
    return int(seconds) if isinstance(seconds, int | float) else None


def _differences(name: str, entry: Mapping[str, Any]) -> Iterator[Drift]:
    try:
        wanted = _wanted(entry)
        row = periodic_tasks().filter(name=name).first()
        found = row and _found(row)
    except DatabaseError:
        raise  # the database does not answer, which says nothing about the row
    except Exception as wrong:  # a row can hold broken JSON, a broken crontab or an unknown time zone
        yield Drift(name, "row", "can be compared", f"{UNREADABLE}{wrong!r}")
        return
    if found is None:
        yield Drift(name, "row", "is there", MISSING)
        return
    for field, value in wanted.items():
        if found[field] != value:
            yield Drift(name, field, value, found[field])


def _wanted(entry: Mapping[str, Any]) -> dict[str, Any]:
    options = entry.get("options") or {}
    return {
        "task": entry["task"],
        "schedule": in_words(maybe_schedule(entry["schedule"])),
        # convert by JSON, as a row does: a tuple becomes a list
        "args": loads(dumps(entry.get("args") or [])),
        "kwargs": loads(dumps(entry.get("kwargs") or {})),
        **{field: options.get(field) for field in ROUTING},
        "headers": loads(dumps(options.get("headers") or {})),
        "expire_seconds": expire_seconds(options),
        **UNHINDERED,
    }


def _found(row: Any) -> dict[str, Any]:
    # name all that are set: a row can have two, although Django refuses to save it
    timings = filter(None, (row.interval, row.crontab, row.solar, row.clocked))
    return {
        "task": row.task,
        "schedule": " and ".join(in_words(timing.schedule) for timing in timings) or None,
        "args": loads(row.args or "[]"),
        "kwargs": loads(row.kwargs or "{}"),
        **{field: None if getattr(row, field) == "" else getattr(row, field) for field in ROUTING},
        "headers": loads(row.headers or "{}"),
        "expire_seconds": row.expire_seconds,
        **{field: getattr(row, field) for field in UNHINDERED},
    }


def in_words(schedule: Any) -> str:
    """Return the schedule as one comparable text; of a crontab its five fields and its time zone."""
    if isinstance(schedule, crontab):
        fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        return " ".join([*(str(getattr(schedule, f"_orig_{field}")) for field in fields), str(schedule.tz)])
    if isinstance(schedule, solar):
        return f"{schedule.event} at {float(schedule.lat):.6f}, {float(schedule.lon):.6f}"
    # Celery's type stubs lack this attribute
    return f"every {vars(schedule)['run_every']}" if isinstance(schedule, interval) else repr(schedule)
