"""Durations and times of day, as options write them and reports show them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from .errors import CannotCheckError
from .zones import instant_of

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = timedelta(days=1)
UNITS = {
    "d": DAY,
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
SHOWN = {"d": "d", "h": "h", "m": "min", "s": "s"}
PART = r"(\d+(?:\.\d+)?)([dhms])"


def duration(written: str, option: str) -> timedelta:
    """Read "12h", "90s" or "1h30m". Raises CannotCheckError for anything else, and for nothing."""
    parts = re.findall(PART, written)
    found = sum((float(number) * UNITS[unit] for number, unit in parts), timedelta())
    if "".join(number + unit for number, unit in parts) != written or not found:
        raise CannotCheckError(f"{option} {written!r} is no duration: write a number with d, h, m or s, such as 1h30m")
    return found


def words(span: timedelta) -> str:
    """Return a duration as "1 h 30 min"."""
    left, parts = span, []
    for unit, size in UNITS.items():
        count, left = (left.total_seconds(), left) if unit == "s" else divmod(left, size)
        if count:
            parts.append(f"{count:g} {SHOWN[unit]}")
    return " ".join(parts) or "0 s"


@dataclass(frozen=True)
class Daily:
    """A time of day, or from one to another, on each day of a zone."""

    begin: time
    end: time | None = None

    def instants(self, start: datetime, until: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
        """Yield when it begins and ends in UTC, as far as it is between two instants."""
        day, last = start.astimezone(zone).date() - DAY, until.astimezone(zone).date()
        while day <= last:
            begin = instant_of(datetime.combine(day, self.begin), zone)
            over = begin
            if self.end is not None:
                over = instant_of(datetime.combine(day if self.end > self.begin else day + DAY, self.end), zone)
            if over > start and begin <= until:
                yield max(begin, start), over
            day += DAY


def time_of_day(written: str, option: str) -> time:
    """Read "03:00". Raises CannotCheckError for anything else."""
    try:
        found = time.fromisoformat(written)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise CannotCheckError(f"{option} {written!r} is no time of day: write 02:00")
    return found


def daily_window(written: str, option: str) -> Daily:
    """Read "02:00-03:30". Raises CannotCheckError for anything else."""
    first, _, second = written.partition("-")
    found = Daily(time_of_day(first, option), time_of_day(second, option))
    if found.begin == found.end:
        raise CannotCheckError(f"{option} {written!r} has no length: write 02:00-03:30")
    return found
