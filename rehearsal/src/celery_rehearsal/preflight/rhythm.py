"""What a schedule of Celery's own does while no clock changes: from the same state, the same again.

Celery's code reads of an instant only what is named here: a crontab its local time of day and its day, an interval that
is relative its local time below the unit to which it is rounded, and any other interval nothing. So what Celery's code
has done from a state it does again from the same state, at another date. Near a change of the clock, it does so from
the same state at the same distance from an equal change. Nothing here works out when a schedule fires.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from celery import beat, schedules

if TYPE_CHECKING:
    from .entries import Entry, Reading
    from .windows import Place, Windows

DAY = timedelta(days=1)
DAYS_OF_WEEK = 7
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 # a local time

# What django-celery-beat adds to Celery's own: it asks Celery's crontab in the row's zone.
ROWS_CRONTAB = ("django_celery_beat.tzcrontab", "TzAwareCrontab")
ROWS_ENTRY = ("django_celery_beat.schedulers", "ModelEntry")

# Celery's rounding of a relative interval: to the largest of these that the interval has.
UNITS = (DAY, timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))

# What decides when an entry is asked and what it answers. A class that changes one of these has no rhythm.
ASKING = ("tick", "is_due", "adjust", "_when", "populate_heap")


class Key(NamedTuple):
    """What Celery's code reads of a state: the local time as far as it is read, how long it waits, and a change."""

    local: timedelta
    waits: timedelta
    near: Place | None


class State(NamedTuple):
    """Beat has just sent an entry, and asks it again after `waits`."""

    at: datetime
    waits: timedelta


@dataclass(frozen=True)
class Link:
    """The next firing comes after `gap`; beat then waits for `waits`, and the state is `key`."""

    gap: timedelta
    waits: timedelta
    key: Key


@dataclass(frozen=True)
class Steps:
    """Several links in a row: the gaps, to be repeated until there are `count`, and the state that they lead to.

    `near` tells whether they are near a change of the clock.
    """

    gaps: tuple[timedelta, ...]
    count: int
    state: State
    near: bool = False


class Rhythm:
    """The states in which Celery's code has been seen, and what it did next.

    `unit` is what the code reads of local time; with `same_day`, only as far as the local day goes.
    """

    def __init__(self, zone: tzinfo, unit: timedelta | None, windows: Windows, *, same_day: bool = False) -> None:
        self._zone = zone
        self._windows = windows
        self._unit = unit
        self._same_day = same_day
        self._links: dict[Key, Link] = {}
        self._last: State | None = None

    def came(self, state: State) -> bool:
        """Take note of a firing that was driven. Return False where the same state led to another firing before."""
        last, self._last = self._last, state
        if last is None or not self._in_one_day(last, state):
            return True
        key, begun = self._key(last), self._windows.begun(last.at, state.at + state.waits)
        if begun:
            if key.near or begun > 1:
                return True
            key = key._replace(near=self._windows.ahead(last.at))
        link = Link(state.at - last.at, state.waits, self._key(state))
        return self._links.setdefault(key, link) == link

    def follow(self, state: State) -> Steps | None:
        """Return firings that follow a state, none of them in doubt; None without any.

        They go as far as beat asks again before the next window, or over that window; from a state in a window, to the
        first firing after it.
        """
        links: list[Link] = []
        key, at, until = self._key(state), state.at, self._windows.next(state.at)
        inside, seen = key.near is not None, {key: 0}
        while (link := self._links.get(key)) and at + link.gap + link.waits < until and inside == bool(key.near):
            links.append(link)
            at, key = at + link.gap, link.key
            begun = seen.setdefault(key, len(links))
            if begun == 0:
                return self._turns(state, links, until)
            if begun < len(links):
                # What leads to a turn comes first, and the turn then follows from there.
                return self._end(state, links[:begun], begun)
        return self._end(state, links, len(links)) if links else self._over(state)

    def _over(self, state: State) -> Steps | None:
        """Return the one firing that follows a state into or over the next window."""
        ahead = self._windows.ahead(state.at)
        link = self._links.get(self._key(state)._replace(near=ahead)) if ahead else None
        if link is None or state.at + link.gap + link.waits >= self._windows.next(state.at, 1):
            return None
        return Steps((link.gap,), 1, State(state.at + link.gap, link.waits), near=True)

    def landed(self, state: State) -> None:
        """Go on from the last of the firings that follow."""
        self._last = state

    def _turns(self, state: State, links: list[Link], until: datetime) -> Steps:
        once = sum((link.gap for link in links), timedelta())
        turns = max((until - state.at) // once - 1, 1)
        at, count = state.at + turns * once, turns * len(links)
        for link in links:
            if at + link.gap + link.waits >= until:
                break
            at, count = at + link.gap, count + 1
        return self._end(state, links, count)

    def _end(self, state: State, links: list[Link], count: int) -> Steps:
        turns, rest = divmod(count, len(links))
        gaps = tuple(link.gap for link in links)
        at = state.at + turns * sum(gaps, timedelta()) + sum(gaps[:rest], timedelta())
        return Steps(gaps, count, State(at, links[rest - 1].waits), near=self._windows.place(state.at) is not None)

    def _key(self, state: State) -> Key:
        local = (self._local(state.at) - EPOCH) % self._unit if self._unit else timedelta()
        return Key(local, state.waits, self._windows.place(state.at))

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone).replace(tzinfo=None)

    def _in_one_day(self, last: State, state: State) -> bool:
        return not self._same_day or self._local(last.at).date() == self._local(state.at + state.waits).date()


def rhythm_of(entry: Entry, windows: Windows) -> Rhythm:
    """Return the rhythm of an entry whose code is known."""
    schedule, kind = entry.schedule, type(entry.schedule)
    if kind is schedules.schedule:
        unit = next((unit for unit in UNITS if schedule.run_every >= unit), UNITS[-1])
        return Rhythm(entry.zone, unit if schedule.relative else None, windows)
    # The question that Celery's code asks itself: whether it looks at dates.
    if not (schedule._orig_day_of_month == "*" and schedule._orig_month_of_year == "*"):
        return Rhythm(entry.zone, DAY, windows, same_day=True)
    return Rhythm(entry.zone, DAY if len(schedule.day_of_week) == DAYS_OF_WEEK else 7 * DAY, windows)


def is_known(read: Reading, entry: Entry) -> bool:
    """Tell whether an entry has a rhythm: its code is known. Otherwise every firing has to be driven."""
    if not _asked_by_celery(read.scheduler) or not _is_plain(entry.source) or entry.last_run_at.tzinfo is None:
        return False
    schedule, kind = entry.schedule, type(entry.schedule)
    return _is_crontab(schedule) or (kind is schedules.schedule and schedule.nowfun is None)


def _asked_by_celery(scheduler: Any) -> bool:
    return all(getattr(type(scheduler), name) is getattr(beat.Scheduler, name) for name in ASKING)


def _is_plain(source: Any) -> bool:
    if type(source) is beat.ScheduleEntry:
        return True
    row: Any = getattr(source, "model", None)
    # A row that starts, expires or runs once changes by its date, too.
    return _named(source) == ROWS_ENTRY and not (row.start_time or row.expires or row.one_off)


def _is_crontab(schedule: Any) -> bool:
    kind = type(schedule)
    if kind is schedules.crontab:
        return bool(schedule.nowfun is None)
    return _named(schedule) == ROWS_CRONTAB


def _named(value: Any) -> tuple[str, str]:
    return type(value).__module__, type(value).__qualname__
