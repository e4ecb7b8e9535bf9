"""The cutoff: each request received before it and still pending at it is declined. Its time and zone are only here.

A request received at the cutoff's very instant or later belongs to the next day. At that instant a running approval
expires (domain.sweeps), and the decline starts (schedule).
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Kyiv")
# Outside the hours that the zone's clocks skip or repeat, so that each day has exactly one cutoff.
TIME: Final = time(18, 0)
CITY: Final = "Kyiv"
# The cutoff as pages name it.
LABEL: Final = f"{TIME:%H:%M} in {CITY}"


class NaiveInstant(ValueError):
    """An instant without an offset: it is neither before nor after a cutoff."""


def in_utc(instant: datetime) -> datetime:
    """Return the same instant in UTC, where instants are ordered as their clock faces are. Raises NaiveInstant."""
    if instant.utcoffset() is None:
        raise NaiveInstant(f"{instant!r} has no UTC offset; pass an aware datetime, such as timezone.now()")
    return instant.astimezone(UTC)


def on(day: date) -> datetime:
    """Return the cutoff of a day of the zone's calendar, aware, in UTC."""
    return datetime.combine(day, TIME, ZONE).astimezone(UTC)


def latest(now: datetime) -> datetime:
    """Return the last cutoff at or before `now` (aware), in UTC. Raises NaiveInstant."""
    today = in_utc(now).astimezone(ZONE).date()
    return on(today) if on(today) <= now else on(today - timedelta(days=1))


def upcoming(now: datetime) -> datetime:
    """Return the first cutoff after `now` (aware), in UTC: at a cutoff, the next day's. Raises NaiveInstant."""
    return on(latest(now).astimezone(ZONE).date() + timedelta(days=1))
