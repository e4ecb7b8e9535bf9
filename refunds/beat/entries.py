"""Describe the entries that the code declares, and their rows, for the schedule's page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery import current_app
from celery.exceptions import QueueNotFound
from celery.schedules import crontab, maybe_schedule
from celery.schedules import schedule as interval
from django.utils.translation import gettext

from ..admin.values import in_zone
from ..admin.words import CITY
from . import drift


@dataclass(frozen=True)
class Row:
    """What a row says: whether it is enabled, when it last ran, and when it is due (aware). None: never, or unknown."""

    enabled: bool
    last_run: datetime | None
    due: datetime | None


@dataclass(frozen=True)
class Entry:
    """An entry as declared, in words of the page's language; its row, if beat reads rows and has stored it."""

    name: str
    task: str
    when: str
    queue: str
    row: Row | None
    differences: list[drift.Drift]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Return label and text of each line about the entry."""
        found = [(gettext("Task"), self.task), (gettext("Schedule"), self.when), (gettext("Queue"), self.queue)]
        if self.row:
            city = {"city": CITY}
            found += [
                (gettext("Enabled"), gettext("yes") if self.row.enabled else gettext("no")),
                (gettext("Last run (%(city)s)") % city, in_zone(self.row.last_run)),
                (gettext("Next due (%(city)s)") % city, in_zone(self.row.due)),
            ]
        return found

    @property
    def warnings(self) -> list[str]:
        """Return a sentence about each difference."""
        return [_told(one) for one in self.differences]


def _told(one: drift.Drift) -> str:
    if one.field != "row":
        return gettext("In the database %(field)s is %(found)s, declared is %(declared)s.") % vars(one)
    if one.found == drift.MISSING:
        return gettext("The database has no row of it.")
    error = str(one.found).removeprefix(drift.UNREADABLE)
    return gettext("The row in the database cannot be read: %(error)s.") % {"error": error}


def entries(now: datetime) -> list[Entry]:
    """Return the declared entries at `now` (aware), each compared with its row if beat reads rows."""
    stored = drift.reads_rows()
    return [_entry(name, declared, now, stored) for name, declared in current_app.conf.beat_schedule.items()]


def _entry(name: str, declared: Any, now: datetime, stored: bool) -> Entry:
    differences = drift.compare({name: declared}) if stored else []
    row = _row(name, now, differences) if stored else None
    task, schedule = str(declared.get("task", "")), maybe_schedule(declared.get("schedule"))
    return Entry(name, task, _when(schedule), _queue(task, declared.get("options") or {}), row, differences)


def _row(name: str, now: datetime, differences: list[drift.Drift]) -> Row | None:
    # Only these columns of a row that cannot be compared: others can be unreadable.
    found = drift.periodic_tasks().filter(name=name).values("enabled", "last_run_at").first()
    if found is None:
        return None
    differs = {one.field: one.found for one in differences}
    # Of another difference than in its time, only beat knows what it does to the row.
    timed = differs.get("schedule", "as declared") is not None and not differs.keys() & {"row", *drift.UNHINDERED}
    return Row(found["enabled"], found["last_run_at"], _due(name, now) if timed else None)


def _due(name: str, now: datetime) -> datetime | None:
    row = drift.periodic_tasks().get(name=name)
    # As django-celery-beat does: a row that never ran waits since it was changed.
    since = (row.last_run_at or row.date_changed).astimezone(row.schedule.tz)
    try:
        due: datetime = now + row.schedule.remaining_estimate(since)
    except OverflowError:  # an interval that ends after the calendar
        return None
    return due


def _when(schedule: Any) -> str:
    text = drift.in_words(schedule)
    if isinstance(schedule, crontab):
        minute, hour, *days, zone = text.rsplit(maxsplit=5)
        if days == ["*"] * 3 and minute.isdigit() and hour.isdigit():
            at = f"{int(hour):02}:{int(minute):02}"
            return gettext("every day at %(time)s (%(zone)s)") % {"time": at, "zone": zone}
    if isinstance(schedule, interval) and not isinstance(schedule, crontab):
        return gettext("every %(time)s") % {"time": vars(schedule)["run_every"]}
    return text


def _queue(task: str, options: Any) -> str:
    try:
        return str(current_app.amqp.router.route(dict(options), task)["queue"].name)
    except QueueNotFound:  # beat cannot send it either
        return str(options.get("queue", ""))
