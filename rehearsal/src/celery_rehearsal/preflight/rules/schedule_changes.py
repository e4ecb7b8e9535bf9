"""Rules about entries that fire while the clocks of their zone change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import celery
from celery.schedules import crontab

from ..findings import Level
from ..registry import rule
from ..zones import name_of
from .about import about_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..findings import Finding
    from ..loaded import LoadedApp
    from ..times import Times
    from ..zones import Change

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@rule("S012", "fires-in-gap", Level.INFO)
def fires_in_gap(loaded: LoadedApp) -> Iterator[Finding]:
    """A crontab names a local time that does not exist on the day on which clocks go forward.

    In Kyiv, the clock goes from 03:00 to 04:00 on the last Sunday of March, so 03:30 does not come. The finding
    says what the installed Celery does on that day. It is a warning where the entry does not run on that day at
    all.
    """
    for each in loaded.times.values():
        gaps = [change for change in each.changes if change.kind == "gap" and _named(each, change)]
        if not gaps or each.plan is None:
            continue
        zone, change = each.entry.zone, gaps[0]
        local = _named(each, change)[0]
        late = [at.astimezone(zone) for at in each.around(change, DAY) if change.at <= at < change.at + 2 * HOUR]
        what = f"runs it at {late[0]:%H:%M}" if late else "does not run it"
        yield about_entry(
            loaded,
            each.entry,
            f"{local:%H:%M} does not exist in {name_of(zone)} on {local.date()}: Celery {celery.__version__} {what}",
            "Choose a time outside of the hour that is missing.",
            level=Level.INFO if late else Level.WARNING,
        )


@rule("S013", "fires-in-fold", Level.INFO)
def fires_in_fold(loaded: LoadedApp) -> Iterator[Finding]:
    """An entry fires in the local hour that comes twice on the day on which clocks go back.

    In Kyiv, the clock goes from 04:00 to 03:00 on the last Sunday of October, so 03:30 comes twice. The finding
    says how often the installed Celery fires in each of the two hours. It is a warning where a time of day fires in
    both, and where an entry that fires in every hour pauses for one of them.
    """
    for each in loaded.times.values():
        folds = [change for change in each.changes if change.kind == "fold" and _matters(each, change)]
        if not folds or each.plan is None:
            continue
        change = folds[0]
        first, second = _passes(each, change)
        yield about_entry(
            loaded,
            each.entry,
            f"{change.first:%H:%M} to {change.last:%H:%M} comes twice in {name_of(each.entry.zone)} on "
            f"{change.first.date()}: Celery {celery.__version__} runs it {_times(first)} in the first hour and "
            f"{_times(second)} in the second",
            "Use `timezone = 'UTC'` for it." if _often(each) else "Choose a time outside of the hour that comes twice.",
            level=Level.WARNING if _often(each) or (first and second) else Level.INFO,
        )


def _matters(each: Times, change: Change) -> bool:
    first, second = _passes(each, change)
    return first != second if _often(each) else bool(_named(each, change))


def _named(each: Times, change: Change) -> list[datetime]:
    """The local times in a gap or a fold that a crontab names, where it does not name every hour."""
    found = each.entry.schedule
    if not isinstance(found, crontab) or not _names_hours(each):
        return []
    minutes = range(int((change.last - change.first) / timedelta(minutes=1)))
    every = [change.first + timedelta(minutes=minute) for minute in minutes]
    return [local for local in every if _matches(found, local)]


def _matches(found: Any, local: datetime) -> bool:
    weekday = local.isoweekday() % 7
    time: bool = local.minute in found.minute and local.hour in found.hour
    return (
        time and local.day in found.day_of_month and local.month in found.month_of_year and weekday in found.day_of_week
    )


def _names_hours(each: Times) -> bool:
    found: Any = each.entry.schedule
    return isinstance(found, crontab) and len(vars(found)["hour"]) < len(range(24))


def _often(each: Times) -> bool:
    """Tell whether it fires in every hour."""
    return each.period is not None and each.period <= HOUR and not _names_hours(each)


def _passes(each: Times, change: Change) -> tuple[int, int]:
    length = change.width
    near = each.around(change, DAY)
    first = sum(change.at - length <= at < change.at for at in near)
    return first, sum(change.at <= at < change.at + length for at in near)


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
