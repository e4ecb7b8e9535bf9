"""Add up a sweep's outcomes for its page. A million rows take a second: a page counts some, and keeps them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final, NamedTuple

from django.core.cache import cache

from ..apps import LABEL
from ..domain.sweeps import IdRange
from ..models import Sweep
from .outcomes import UNSETTLED, Outcome, Tally, tally
from .pieces import pieces

# Seconds that one page counts for; the rest of the 200 ms in which a page answers are Django's.
BUDGET: Final = 0.05
# How old a count can be: where payments go on, and where only an operator changes something.
FRESH: Final = timedelta(seconds=2)
KEPT: Final = timedelta(seconds=10)
REMEMBERED: Final = 3600  # seconds in the cache


class Counted(NamedTuple):
    """The tally of a piece at an instant (aware)."""

    at: datetime
    tally: Tally


@dataclass(frozen=True)
class Line:
    """How many requests had an outcome, and their sum in each currency in minor units."""

    outcome: Outcome
    count: int
    totals: list[tuple[str, int]]


@dataclass(frozen=True)
class Sums:
    """The lines of `counted` of `of` pieces, the oldest counted at `at` (aware)."""

    lines: list[Line]
    counted: int
    of: int
    at: datetime | None

    @property
    def complete(self) -> bool:
        """Whether the lines are of the whole set."""
        return self.counted == self.of

    def count(self, outcome: Outcome) -> int:
        """Return how many requests had the outcome."""
        return sum(line.count for line in self.lines if line.outcome == outcome)


def sums(sweep: Sweep, now: datetime, *, live: bool, budget: float = BUDGET) -> Sums:
    """Return the sums at `now` (aware), of what `budget` seconds and earlier pages have counted.

    While the sweep is `live`, its open chunks are left out: their rows have no outcome yet.
    """
    if live and sweep.planned_at is None:
        return Sums([], 0, 0, None)
    undecided = list(sweep.chunks.filter(done_at=None).values_list("first_id", "last_id")) if live else []
    found = [ids for ids in pieces(sweep, now) if not _overlaps(ids, undecided)]
    key = f"{LABEL}.overview.sweep.{sweep.pk}.{sweep.started_at.timestamp()}"  # a recreated database repeats ids
    kept: dict[IdRange, Counted] = cache.get(key, {})
    known = {ids: kept[ids] for ids in found if ids in kept}
    stale = [ids for ids in found if _is_stale(known.get(ids), now)]
    for ids in _within(budget, sorted(stale, key=lambda ids: _counted_at(known.get(ids)))):
        known[ids] = Counted(now, tally(sweep, ids))
    if stale:
        cache.set(key, known, REMEMBERED)
    at = min((counted.at for counted in known.values()), default=None)
    return Sums(_lines(known.values()), len(known), len(found), at)


def _overlaps(ids: IdRange, others: Iterable[tuple[int, int]]) -> bool:
    return any(ids.first_id <= last and first <= ids.last_id for first, last in others)


def _is_stale(counted: Counted | None, now: datetime) -> bool:
    if counted is None:
        return True
    unsettled = any(outcome in UNSETTLED for outcome, _ in counted.tally)
    return now - counted.at >= (FRESH if unsettled else KEPT)


def _counted_at(counted: Counted | None) -> float:
    return counted.at.timestamp() if counted else 0


def _within(seconds: float, ranges: Iterable[IdRange]) -> Iterator[IdRange]:
    """Yield ranges until the time is over; at least one."""
    end = perf_counter() + seconds
    for ids in ranges:
        yield ids
        if perf_counter() >= end:
            return


def _lines(counts: Iterable[Counted]) -> list[Line]:
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for of in counts:
        for key, (count, total) in of.tally.items():
            before = totals.get(key, (0, 0))
            totals[key] = (before[0] + count, before[1] + total)
    lines = []
    for outcome in Outcome:
        of_outcome = {currency: pair for (name, currency), pair in sorted(totals.items()) if name == outcome}
        if of_outcome:
            count = sum(count for count, _ in of_outcome.values())
            lines.append(Line(outcome, count, [(currency, total) for currency, (_, total) in of_outcome.items()]))
    return lines
