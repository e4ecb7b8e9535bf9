"""The cut-off, 18:00 on the wall clocks of Kyiv: the only place that says 18.

A return received before a cut-off and still requested at it is declined by it; one received at
18:00:00.000 or later belongs to the next day. Kyiv's clocks change at 03:00 and 04:00, so that 18:00
exists once on every day (https://www.iana.org/time-zones, file europe, zone Europe/Kyiv).
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from .instants import in_utc

ZONE: Final = ZoneInfo("Europe/Kyiv")
TIME: Final = time(18, 0)
CITY: Final = "Kyiv"
# The cutoff as pages name it.
LABEL: Final = f"{TIME:%H:%M} in {CITY}"
_DAY: Final = timedelta(days=1)


def on(day: date) -> datetime:
    """The cut-off of a day of Kyiv's calendar, as an aware datetime in UTC."""
    return datetime.combine(day, TIME, ZONE).astimezone(UTC)


def latest(now: datetime) -> datetime:
    """The last cut-off at or before `now` (aware), in UTC. Raises NaiveInstant."""
    today = in_utc(now).astimezone(ZONE).date()
    return on(today) if on(today) <= now else on(today - _DAY)


def upcoming(now: datetime) -> datetime:
    """The first cut-off after `now` (aware), in UTC: at 18:00:00 sharp, tomorrow's. Raises NaiveInstant."""
    today = in_utc(now).astimezone(ZONE).date()
    return on(today) if now < on(today) else on(today + _DAY)
