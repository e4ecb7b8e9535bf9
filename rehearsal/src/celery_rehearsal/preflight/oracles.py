"""Other readings of a crontab than Celery's: croniter, cronsim and the zone database alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from celery.schedules import crontab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

# Each field of a crontab, with all its values: a field that has all of them is `*`.
FIELDS = {
    "minute": range(60),
    "hour": range(24),
    "day_of_month": range(1, 32),
    "month_of_year": range(1, 13),
    "day_of_week": range(7),
}


def expression(schedule: crontab) -> str:
    """The crontab as five fields of cron."""
    parts = []
    for name, every in FIELDS.items():
        values = sorted(getattr(schedule, name))
        parts.append("*" if values == list(every) else ",".join(map(str, values)))
    return " ".join(parts)


def restricts_both_days(schedule: crontab) -> bool:
    """Tell whether both fields of days are restricted. cron then fires on either, and Celery on both."""
    fields = expression(schedule).split()
    return fields[2] != "*" and fields[4] != "*"


def by_zoneinfo(schedule: Any, zone: Any, start: datetime, end: datetime) -> Iterator[datetime]:
    """Each instant whose local time is one of the crontab's: none in a gap, two in a fold."""
    day = start.astimezone(zone).date() - DAY
    while day <= end.astimezone(zone).date() + DAY:
        if (
            day.month in schedule.month_of_year
            and day.day in schedule.day_of_month
            and _weekday(day) in schedule.day_of_week
        ):
            named = [(hour, minute) for hour in sorted(schedule.hour) for minute in sorted(schedule.minute)]
            for hour, minute in named:
                local = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - made aware below
                for at in sorted({local.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1)}):
                    if start < at <= end and at.astimezone(zone).replace(tzinfo=None, fold=0) == local:
                        yield at
        day += DAY


def _weekday(day: Any) -> int:
    return int(day.isoweekday() % 7)


def by_croniter(schedule: crontab, zone: Any, start: datetime, end: datetime) -> Iterator[datetime]:
    """What croniter says."""
    from croniter import croniter  # type: ignore[import-untyped,import-not-found,unused-ignore] # optional

    found = croniter(expression(schedule), start.astimezone(zone), ret_type=datetime)
    return _until(end, lambda: found.get_next().astimezone(timezone.utc))


def by_cronsim(schedule: crontab, zone: Any, start: datetime, end: datetime) -> Iterator[datetime]:
    """What cronsim says."""
    from cronsim import CronSim  # type: ignore[import-not-found,unused-ignore] # optional

    found = CronSim(expression(schedule), start.astimezone(zone))
    return _until(end, lambda: next(found).astimezone(timezone.utc))


def _until(end: datetime, following: Callable[[], datetime]) -> Iterator[datetime]:
    while (at := following()) <= end:
        yield at


@cache
def oracles() -> dict[str, Callable[[crontab, Any, datetime, datetime], Iterator[datetime]]]:
    """The oracles that can be asked here, by name."""
    optional = {"croniter": by_croniter, "cronsim": by_cronsim}
    return {"zoneinfo": by_zoneinfo} | {name: each for name, each in optional.items() if find_spec(name)}


@lru_cache(maxsize=1000)
def asked(name: str, fields: str, zone: Any, start: datetime, end: datetime) -> frozenset[datetime]:
    """What an oracle says of five fields of cron. Several entries often have the same ones."""
    return frozenset(oracles()[name](_crontab(fields), zone, start, end))


@lru_cache(maxsize=1000)
def _crontab(fields: str) -> crontab:
    minute, hour, day_of_month, month_of_year, day_of_week = fields.split()
    return crontab(minute, hour, day_of_week, day_of_month, month_of_year)
