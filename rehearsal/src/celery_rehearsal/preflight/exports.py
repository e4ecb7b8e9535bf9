"""Monitors for services that expect a sign of life of each run. What a service cannot express is refused by name.

Both services read a cron string as Debian's cron does, and an interval as elapsed time.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery.schedules import crontab, schedule

from .patterns import pattern
from .remarks import alike, utc
from .zones import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .entries import Entry
    from .plan import Plan

# A field of cron: its name in Celery, and the range of its numbers.
FIELDS = {
    "minute": range(60),
    "hour": range(24),
    "day_of_month": range(1, 32),
    "month_of_year": range(1, 13),
    "day_of_week": range(7),
}

# Sentry's limits: the letters of a slug, and the minutes of a run.
SENTRY_SLUG, SENTRY_RUNTIME = 50, 7 * 24 * 60

# Healthchecks': the letters of a name, a slug and a schedule, and the seconds of a period and a grace.
LETTERS, SHORTEST, LONGEST = 100, 60, 365 * 86_400


class CannotExpressError(ValueError):
    """The service has no words for this entry; the message says why."""


def export(service: str, app: Any, entries: Iterable[tuple[Entry, Plan]], margin: int) -> str:
    """Return JSON: the payloads of the service in order of the entries' names, and the entries that it cannot express.

    `margin` is how many minutes late a run can begin. A run takes no longer than its task's time limit. An interval is
    expressed where its plan has no other.
    """
    make = SERVICES[service]
    found: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    slugs: dict[str, str] = {}
    for entry, plan in entries:
        try:
            slug = _slug(entry.name, slugs)
            made = make(entry, slug, margin, _time_limit(app, entry))
            _check_gaps(entry, plan)
            found.append(made)
            slugs[slug] = entry.name
        except CannotExpressError as error:
            refused.append({"entry": entry.name, "reason": str(error)})
    return json.dumps({"service": service, "monitors": found, "refused": refused}, indent=2, ensure_ascii=False) + "\n"


def _sentry(entry: Entry, slug: str, margin: int, limit: float | None) -> dict[str, Any]:
    """What a check-in carries: it makes the monitor, or changes it. Numbers are minutes."""
    if len(slug) > SENTRY_SLUG:
        raise CannotExpressError(f"its slug {slug} has more than {SENTRY_SLUG} letters: shorten the entry's name")
    config: dict[str, Any] = {"schedule": _sentry_schedule(entry.schedule), "checkin_margin": margin}
    if limit is not None:
        minutes = math.ceil(limit / 60)
        if minutes > SENTRY_RUNTIME:
            raise CannotExpressError(
                f"its time limit of {minutes:,} minutes is longer than Sentry's {SENTRY_RUNTIME:,}"
            )
        config["max_runtime"] = minutes
    if "unit" not in config["schedule"]:
        config["timezone"] = _zone(entry)
    return {"monitor_slug": slug, "monitor_config": config}


def _sentry_schedule(value: Any) -> dict[str, Any]:
    if isinstance(value, crontab):
        return {"type": "crontab", "value": cron(value)}
    every = _every(value)
    if every % 60:
        raise CannotExpressError(f"its interval of {every} s is no number of minutes")
    # Not days: a day of Sentry's is one of the calendar.
    hours = every % 3600 == 0
    return {"type": "interval", "value": every // (3600 if hours else 60), "unit": "hour" if hours else "minute"}


def _healthchecks(entry: Entry, slug: str, margin: int, limit: float | None) -> dict[str, Any]:
    """What "create a check" of its API takes. A check of this slug is changed instead. Numbers are seconds."""
    if max(len(slug), len(entry.name)) > LETTERS:
        raise CannotExpressError(f"a name has at most {LETTERS} letters: shorten the entry's name")
    grace = margin * 60 + math.ceil(limit or 0)
    if grace > LONGEST:
        raise CannotExpressError(f"its time limit makes a grace of {grace:,} s, longer than a year")
    check = {"name": entry.name, "slug": slug, "unique": ["slug"], "desc": f"{entry.task}, {pattern(entry.schedule)}"}
    if isinstance(entry.schedule, crontab):
        written = cron(entry.schedule)
        if len(written) > LETTERS:
            raise CannotExpressError(f"its schedule has {len(written)} letters, more than {LETTERS}")
        return {**check, "schedule": written, "tz": _zone(entry), "grace": grace}
    every = _every(entry.schedule)
    if not SHORTEST <= every <= LONGEST:
        raise CannotExpressError(f"its interval of {every:,} s is not between a minute and a year")
    return {**check, "timeout": every, "grace": grace}


SERVICES: dict[str, Callable[[Entry, str, int, float | None], dict[str, Any]]] = {
    "sentry": _sentry,
    "healthchecks": _healthchecks,
}


def cron(value: Any) -> str:
    """Return the crontab for cron. Raises CannotExpressError where cron would run it on other days."""
    if type(value).is_due is not crontab.is_due and type(value).__module__ != "django_celery_beat.tzcrontab":
        raise CannotExpressError(f"{type(value).__qualname__} is a crontab of its own kind")
    sets = {name: set(getattr(value, name)) for name in FIELDS}
    days = [name for name in ("day_of_month", "day_of_week") if sets[name] != set(FIELDS[name])]
    if len(days) > 1:
        raise CannotExpressError(
            "it names days of the month and of the week: Celery runs it on days that are both, cron on days that are "
            "either"
        )
    return " ".join(_cron_field(sets[name], numbers) for name, numbers in FIELDS.items())


def _cron_field(found: set[int], numbers: range) -> str:
    ordered = sorted(found)
    if ordered == list(numbers):
        return "*"
    step = ordered[1] - ordered[0] if len(ordered) > 1 else 0
    if step > 1 and ordered == list(numbers[::step]):
        return f"*/{step}"
    if step == 1 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]}-{ordered[-1]}"
    return ",".join(map(str, ordered))


def _every(value: Any) -> int:
    if type(value) is not schedule:
        raise CannotExpressError(f"{pattern(value)} is neither a crontab nor an interval")
    if value.relative:
        raise CannotExpressError("its interval is relative: it keeps to the clock, and the service counts elapsed time")
    every: timedelta = value.run_every  # type: ignore[attr-defined] # not in its stub
    if every % timedelta(seconds=1) or every <= timedelta():
        raise CannotExpressError(f"its interval of {every.total_seconds():g} s is no number of seconds")
    return every // timedelta(seconds=1)


def _check_gaps(entry: Entry, plan: Plan) -> None:
    if type(entry.schedule) is not schedule or entry.schedule.relative:
        return
    every = entry.schedule.run_every  # type: ignore[attr-defined] # not in its stub
    for last, gap in plan.gaps():
        if not alike(gap, every):
            raise CannotExpressError(
                f"after {utc(last)} beat leaves {gap.total_seconds():,.0f} s instead of {every.total_seconds():,.0f}, "
                "because the clocks change"
            )


def _zone(entry: Entry) -> str:
    name = getattr(entry.zone, "key", None) or getattr(entry.zone, "zone", None)
    if not isinstance(name, str):
        raise CannotExpressError(f"its zone {name_of(entry.zone)} has no IANA name: set timezone to one")
    return name


def _slug(name: str, taken: dict[str, str]) -> str:
    """Return what both services make of a name: Sentry's SDK sends the entry's name with its check-ins."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", letters)).strip("-_")
    if not slug:
        raise CannotExpressError("its name has no letter or digit of ASCII to make a slug of")
    if slug in taken:
        raise CannotExpressError(f"its slug {slug} is that of entry {taken[slug]}: rename one of them")
    return slug


def _time_limit(app: Any, entry: Entry) -> float | None:
    task = app.tasks.get(entry.task)
    found = entry.options.get("time_limit") or getattr(task, "time_limit", None) or app.conf.task_time_limit
    return float(found) if found else None
