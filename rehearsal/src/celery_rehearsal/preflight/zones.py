"""When the clocks of a zone change."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from .errors import CannotCheckError

# What machines call UTC.
UTC_NAMES = {"UTC", "Etc/UTC"}

# No zone changes twice in this time. A change is looked for between two instants with different offsets.
STEP = timedelta(hours=6)


@dataclass(frozen=True)
class Change:
    """A change of a zone's offset from UTC: the instant, and the offset before and after it."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def kind(self) -> str:
        """Return "gap" where local time skips ahead, "fold" where it comes a second time."""
        return "gap" if self.after > self.before else "fold"

    @property
    def width(self) -> timedelta:
        """How much local time is skipped or repeated."""
        return abs(self.after - self.before)

    @property
    def first(self) -> datetime:
        """The naive local time at which the gap or the fold begins."""
        return (self.at + min(self.before, self.after)).replace(tzinfo=None)

    @property
    def last(self) -> datetime:
        """The naive local time at which the gap or the fold ends; it is not part of it."""
        return self.first + self.width


@functools.lru_cache(maxsize=64)
def changes(zone: tzinfo, start: datetime, end: datetime) -> tuple[Change, ...]:
    """Return the changes after `start` and up to `end`, in order."""
    at, found = start.astimezone(timezone.utc), []
    before = offset(zone, at)
    while at < end:
        following = min(at + STEP, end)
        after = offset(zone, following)
        if before != after:
            found.append(_between(zone, at, following))
        at, before = following, after
    return tuple(found)


def offset(zone: tzinfo, at: datetime) -> timedelta:
    """Return the zone's offset from UTC at an instant."""
    return at.astimezone(zone).utcoffset() or timedelta(0)


def instant_of(local: datetime, zone: tzinfo) -> datetime:
    """Return the instant in UTC at which the zone's clocks first show a naive local time."""
    return local.replace(tzinfo=zone).astimezone(timezone.utc)


def name_of(zone: tzinfo) -> str:
    """Return the IANA name where the zone has one."""
    return str(getattr(zone, "key", None) or getattr(zone, "zone", None) or zone)


def zone_named(name: str) -> ZoneInfo:
    """Return an IANA zone. Raises CannotCheckError for a name that Python does not know."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise CannotCheckError(
            f'{name!r} is no time zone that Python knows: give an IANA name such as "Europe/Kyiv", or install tzdata'
        ) from error


def host_zone() -> tzinfo:
    """Return the zone of this machine: that of TZ, or that of the system."""
    named = os.environ.get("TZ", "").lstrip(":")
    if named:
        return zone_named(named)
    system = Path("/etc/localtime")
    _folder, found, name = str(system.resolve()).partition("/zoneinfo/")
    return zone_named(name) if found and name not in UTC_NAMES else timezone.utc


def _between(zone: tzinfo, low: datetime, high: datetime) -> Change:
    before, after = offset(zone, low), offset(zone, high)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if offset(zone, middle) == before else (low, middle)
    return Change(high.replace(microsecond=0), before, after)
