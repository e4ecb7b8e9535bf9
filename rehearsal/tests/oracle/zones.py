"""Which zones change in which years, and when: read from the zones themselves."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta, timezone, tzinfo

# Those that the comparison is about: half an hour, negative summer time, Ramadan, none any more, two hours, midnight.
NAMED = (
    "Europe/Kyiv",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Pacific/Apia",
    "Antarctica/Troll",
    "America/Scoresbysund",
)


def changes(zone: str, first: int, last: int) -> list[datetime]:
    """Instants, aware in UTC, at which the zone's offset from UTC changes in the years `first` to `last`."""
    rules = zoneinfo.ZoneInfo(zone)
    at, end = datetime(first, 1, 1, tzinfo=timezone.utc), datetime(last + 1, 1, 1, tzinfo=timezone.utc)
    found = []
    while at < end:
        following = at + timedelta(days=1)
        if _offset(rules, at) != _offset(rules, following):
            found.append(_between(rules, at, following))
        at = following
    return found


def changing(first: int, last: int) -> list[str]:
    """Every zone of the database that changes in these years, by name."""
    return [name for name in sorted(zoneinfo.available_timezones()) if changes(name, first, last)]


def alike(names: list[str], first: int, last: int) -> dict[str, list[str]]:
    """One name for all whose clocks say the same in these years, with those that it stands for, itself among them.

    Celery knows of a zone only what its clock says.
    """
    found: dict[object, list[str]] = {}
    for name in names:
        rules = zoneinfo.ZoneInfo(name)
        start = datetime(first, 1, 1, tzinfo=timezone.utc)
        start = datetime(first, 1, 1, tzinfo=timezone.utc)
        told = [(start, _offset(rules, start))]
        told += [(at, _offset(rules, at)) for at in changes(name, first, last)]
        found.setdefault(tuple(told), []).append(name)
    # A name of one's own is better known than its first alias.
    return {next((name for name in same if name in NAMED), same[0]): same for same in found.values()}


def no_change(year: int) -> datetime:
    """An instant for a zone that has given its changes up: when most of the south used to change."""
    return datetime(year, 4, 4, 14, tzinfo=timezone.utc)


def _offset(rules: tzinfo, at: datetime) -> tuple[timedelta | None, timedelta | None]:
    local = at.astimezone(rules)
    return local.utcoffset(), local.dst()


def _between(rules: tzinfo, before: datetime, after: datetime) -> datetime:
    old = _offset(rules, before)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // timedelta(seconds=2) * timedelta(seconds=1)
        before, after = (middle, after) if _offset(rules, middle) == old else (before, middle)
    return after
