"""What a change of the clocks does to an entry: which of its local times it skips or repeats, and what beat sends.

Which local times an entry names is in the fields of its crontab. What beat sends is in its plan. Around a change
Celery's code has named every instant of a plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any

from celery.schedules import crontab, schedule

from .windows import MARGIN
from .zones import Change, changes, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .entries import Entry

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

# More local times of one entry in one gap or fold are counted instead of listed.
LISTED = 4


@dataclass(frozen=True)
class Remark:
    """At a change of its zone's clocks an entry is sent otherwise than its schedule says.

    `times` are the local times that it names in the gap or the fold; `sent` is when beat sends it for them.
    """

    entry: str
    zone: tzinfo
    change: Change
    times: tuple[datetime, ...]
    sent: tuple[datetime, ...]
    words: str

    def __str__(self) -> str:
        change = self.change
        what = "skips" if change.kind == "gap" else "repeats"
        return (
            f"{change.first:%Y-%m-%d}, {change.kind}: {name_of(self.zone)} {what} {change.first:%H:%M} to "
            f"{change.last:%H:%M}; {self.words}"
        )


def remarks(entry: Entry, instants: Iterable[datetime], start: datetime, end: datetime) -> list[Remark]:
    """Return what there is to say of an entry and the changes between two instants."""
    found = changes(entry.zone, start, end)
    if not found:
        return []
    sent = list(instants)
    made = (_remark(entry, change, sent) for change in found)
    return [remark for remark in made if remark is not None]


def _remark(entry: Entry, change: Change, sent: list[datetime]) -> Remark | None:
    if isinstance(entry.schedule, crontab):
        times = tuple(_named(entry.schedule, change))
        if not times:
            return None
        came = tuple(_came(entry.schedule, change, sent, entry.zone))
        return Remark(entry.name, entry.zone, change, times, came, _crontab_words(change, times, came, entry.zone))
    if isinstance(entry.schedule, schedule):
        return _interval(entry, change, sent)
    return None


def _named(cron: Any, change: Change) -> Iterator[datetime]:
    """Yield the local times of the gap or the fold that the crontab's fields have."""
    at = change.first
    while at < change.last:
        if _matches(cron, at):
            yield at
        at += MINUTE


def _matches(cron: Any, at: datetime) -> bool:
    day = at.month in cron.month_of_year and at.day in cron.day_of_month and at.isoweekday() % 7 in cron.day_of_week
    return day and at.hour in cron.hour and at.minute in cron.minute


def _came(cron: Any, change: Change, sent: list[datetime], zone: tzinfo) -> Iterator[datetime]:
    """Yield what beat sends for these times: in the repeated time, or after the gap at times that no field has."""
    if change.kind == "fold":
        yield from (at for at in sent if change.at - change.width <= at < change.at + change.width)
        return
    for at in sent:
        if change.at <= at < change.at + change.width + MARGIN and not _matches(cron, _local(at, zone)):
            yield at


def _crontab_words(change: Change, times: tuple[datetime, ...], came: tuple[datetime, ...], zone: tzinfo) -> str:
    named = _listed([f"{at:%H:%M}" for at in times])
    shown = _listed([f"{_local(at, zone):%H:%M} ({at:%H:%M} UTC)" for at in came])
    if change.kind == "gap":
        does = "do" if len(times) > 1 else "does"
        return f"{named} {does} not exist: " + (
            f"beat sends it at {shown}" if came else "beat sends nothing in place of it"
        )
    comes = "come" if len(times) > 1 else "comes"
    if len(came) == 2 * len(times):
        return f"{named} {comes} twice: beat sends it each time, at {shown}"
    return f"{named} {comes} twice: " + (f"beat sends it at {shown} alone" if came else "beat leaves it out")


def _interval(entry: Entry, change: Change, sent: list[datetime]) -> Remark | None:
    before = [at for at in sent if at < change.at]
    after = [at for at in sent if at >= change.at]
    if not before or not after:
        return None
    last, first, every = before[-1], after[0], entry.schedule.run_every
    said = []
    if not alike(first - last, every):
        said.append(f"beat leaves {_seconds(first - last)} between two runs instead of {_seconds(every)}")
    before_it, after_it = (f"{_local(at + SECOND / 2, entry.zone):%H:%M}" for at in (last, first))
    if every % DAY == timedelta() and before_it != after_it:
        said.append(f"its local time moves from {before_it} to {after_it}")
    return Remark(entry.name, entry.zone, change, (), (last, first), "; ".join(said)) if said else None


def alike(one: timedelta, other: timedelta) -> bool:
    """Tell whether two gaps differ by less than a second: beat looks 10 ms early, and sends what is overdue then."""
    return abs(one - other) < SECOND


def _seconds(delta: timedelta) -> str:
    return f"{delta.total_seconds():,.0f} s"


def _listed(shown: list[str]) -> str:
    if len(shown) > LISTED:
        return f"{shown[0]} to {shown[-1]} ({len(shown)} times)"
    return ", ".join(shown[:-1]) + " and " + shown[-1] if len(shown) > 1 else "".join(shown)


def _local(at: datetime, zone: tzinfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def pass_of(at: datetime, zone: tzinfo, start: datetime, end: datetime) -> str:
    """Return which of two passes of a repeated local time an instant is in, or nothing."""
    for change in changes(zone, start - DAY, end + DAY):
        if change.kind == "fold" and change.at - change.width <= at < change.at + change.width:
            return "first pass" if at < change.at else "second pass"
    return ""


def utc(at: datetime) -> str:
    """Return an instant as ISO 8601 writes it, with fractions of a second where it has some."""
    shown = at.astimezone(timezone.utc).replace(tzinfo=None)
    return shown.isoformat(timespec="milliseconds" if shown.microsecond else "seconds") + "Z"
