"""When each entry fires over the next ten years, by Celery's own scheduler, and what changes of the clock do to it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from itertools import cycle, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from celery.schedules import solar

from . import entries
from .errors import CannotCheckError
from .firings import Driven, Follows, Plan, plan
from .zones import Change, changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery

    from .entries import Entry, Reading

YEARS = 10
# The sun does the same each year, and each question to ephem takes 0.4 ms.
SOLAR_YEARS = 2
# Far enough from a change of the clock that it does not move a firing.
AWAY = timedelta(days=2)


@dataclass(frozen=True)
class Times:
    """The firings of one entry from `start` to `end`. Where the plan is None, `failure` says why."""

    entry: Entry
    start: datetime
    end: datetime
    plan: Plan | None
    failure: CannotCheckError | None = None

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """The changes of the entry's zone."""
        return changes(self.entry.zone, self.start, self.end)

    def around(self, change: Change, margin: timedelta) -> list[datetime]:
        """The firings near a change."""
        low, high = change.at - margin, change.at + margin
        found: list[datetime] = []
        for piece, _last in islice(self._pieces, bisect_left(self._pieces, low, key=itemgetter(1)), None):
            near = [at for at in _from(piece, low, high) if low <= at < high]
            if not near:
                break
            found += near
        return found

    @cached_property
    def _pieces(self) -> list[tuple[Driven | Follows, datetime]]:
        """The plan's pieces that have firings, each with its last."""
        pieces = self.plan.pieces if self.plan else ()
        return [(piece, piece.last) for piece in pieces if piece.last and len(piece)]

    @cached_property
    def period(self) -> timedelta | None:
        """The shortest time between two firings, away from changes of the clock where there are any such."""
        gaps = sorted(self.plan.gaps(), key=itemgetter(1)) if self.plan else []
        quiet = (gap for at, gap in gaps if not self._near_change(at, at + gap))
        return next(quiet, gaps[0][1] if gaps else None)

    def _near_change(self, before: datetime, after: datetime) -> bool:
        return any(before - AWAY <= each.at <= after + AWAY for each in self.changes)


def _from(piece: Driven | Follows, low: datetime, high: datetime) -> Iterator[datetime]:
    """The instants of a piece, of a rhythm without those that are far from the two."""
    if isinstance(piece, Driven):
        yield from piece
        return
    turn = sum(piece.gaps, timedelta(0))
    skipped = max((low - piece.after) // turn - 1, 0)
    at = piece.after + skipped * turn
    for gap in islice(cycle(piece.gaps), max(piece.count - skipped * len(piece.gaps), 0)):
        at += gap
        if at >= high:
            return
        yield at


def this_year() -> datetime:
    """The start of the year, so that the reports of one year agree."""
    return datetime.now(timezone.utc).replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)


def times(app: Celery, start: datetime, *, rows: bool = False) -> dict[str, Times]:
    """Drive each entry that the settings declare and, with `rows`, those that only the database scheduler has.

    Raises CannotCheckError where the database cannot be read.
    """
    found = _driven(app, start, entries.DECLARED)
    return _driven(app, start, None) | found if rows else found


def _driven(app: Celery, start: datetime, scheduler: str | None) -> dict[str, Times]:
    with entries.reading(app, start, scheduler=scheduler, fresh=True) as read:
        return {entry.name: _times(read, entry) for entry in read.entries}


def _times(read: Reading, entry: Entry) -> Times:
    years = SOLAR_YEARS if isinstance(entry.schedule, solar) else YEARS
    end = read.start.replace(year=read.start.year + years)
    try:
        return Times(entry, read.start, end, plan(read, entry, end))
    except CannotCheckError as error:
        return Times(entry, read.start, end, None, error)
