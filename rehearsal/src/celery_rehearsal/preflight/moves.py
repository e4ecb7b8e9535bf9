"""What moves between two plans of one entry: the instants at which beat sends it here, and those there.

A rhythm that both plans follow is compared in one step: ten years of an entry that fires every 30 seconds take
milliseconds. Instants are microseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from .plan import Driven

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .plan import Plan

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICRO = timedelta(microseconds=1)

SECOND = 1_000_000

# Two schedules that have nothing in common differ at each firing. So many stretches say enough.
MOST = 1_000


@dataclass(frozen=True)
class Run:
    """`count` instants after `after`, with the gaps between them again and again."""

    after: int
    gaps: tuple[int, ...]
    count: int


@dataclass
class Stretch:
    """Firings in a row that differ in one way. `last` is the last instant of them.

    `here` and `there` are the first instants. One of them is None where only the other side fires.
    """

    here: int | None
    there: int | None
    last: int
    count: int = 0

    @property
    def delta(self) -> int | None:
        """How many seconds later it fires here; None where only one side fires.

        Beat looks 10 ms early, and up to Celery 5.6 it can send an entry then: what is less than a second is no move.
        """
        if self.here is None or self.there is None:
            return None
        return round((self.here - self.there) / SECOND)

    @property
    def first(self) -> int:
        """When it begins to differ, as this side sees it."""
        return self.here if self.here is not None else self.there or 0

    def like(self, other: Stretch) -> bool:
        """Tell whether another differs in the same way."""
        return (self.delta, self.here is None) == (other.delta, other.here is None)


def instant(micros: int) -> datetime:
    """Return the instant of a number of microseconds."""
    return EPOCH + micros * MICRO


def runs(plan: Plan) -> list[Run]:
    """Return a plan's pieces in whole numbers."""
    found = []
    for piece in plan.pieces:
        if isinstance(piece, Driven):
            found += [Run((at - EPOCH) // MICRO, (0,), 1) for at in piece]
            continue
        gaps = tuple(gap // MICRO for gap in piece.gaps)
        found.append(Run((piece.after - EPOCH) // MICRO, gaps[:1] if len(set(gaps)) == 1 else gaps, piece.count))
    return found


class Cursor:
    """Goes through the instants of a plan. `head` is the instant that it is at, or None behind the last."""

    def __init__(self, found: Iterable[Run]) -> None:
        self._runs = [run for run in found if run.count]
        self._number = -1
        self._run = Run(0, (0,), 0)
        self._place = 0
        self.head: int | None = None
        self.step()

    def step(self) -> None:
        """Go on by one instant."""
        if self._place < self._run.count:
            base = self._run.after if self._place == 0 else self.head or 0
            self.head = base + self._run.gaps[self._place % len(self._run.gaps)]
            self._place += 1
            return
        self._number += 1
        if self._number >= len(self._runs):
            self.head = None
            return
        self._run, self._place = self._runs[self._number], 0
        self.step()

    def following(self) -> int | None:
        """Return the instant after the head."""
        if self.left:
            return (self.head or 0) + self.gaps()[0]
        run = self._runs[self._number + 1] if self._number + 1 < len(self._runs) else None
        return run.after + run.gaps[0] if run else None

    def skip(self, count: int) -> None:
        """Go on by so many instants, all of them of this run."""
        gaps = self.gaps()
        turns, rest = divmod(count, len(gaps))
        self.head = (self.head or 0) + turns * sum(gaps) + sum(gaps[:rest])
        self._place += count

    @property
    def left(self) -> int:
        """How many instants of this run come after the head."""
        return self._run.count - self._place

    def gaps(self) -> tuple[int, ...]:
        """The gaps after the head, as long as the run goes."""
        gaps = self._run.gaps
        turned = self._place % len(gaps)
        return gaps[turned:] + gaps[:turned]


def stretches(here: Iterable[Run], there: Iterable[Run], end: datetime) -> list[Stretch]:
    """Return what differs until `end`, in order; no more than MOST. Both plans have to reach beyond the end."""
    last = (end - EPOCH) // MICRO
    found: list[Stretch] = []
    previous: Stretch | None = None
    for here_at, there_at, until, count in _steps(Cursor(here), Cursor(there), last):
        step = Stretch(here_at, there_at, until, count)
        if step.delta == 0:
            previous = None
            continue
        if previous is None or not previous.like(step):
            if len(found) == MOST:
                break
            previous = step
            found.append(step)
        else:
            previous.last, previous.count = step.last, previous.count + count
    return found


def _steps(one: Cursor, other: Cursor, last: int) -> Iterator[tuple[int | None, int | None, int, int]]:
    """Yield firings that belong together, or one that is alone: here, there, the last instant, how many in a row."""
    while True:
        a, b = one.head, other.head
        if min(last + 1 if a is None else a, last + 1 if b is None else b) > last:
            return
        if a is None or b is None or (a != b and _alone(one if a < b else other, max(a, b))):
            lone = one if b is None or (a is not None and a < b) else other
            at = lone.head or 0
            lone.step()
            yield (at, None, at, 1) if lone is one else (None, at, at, 1)
            continue
        more = _in_step(one, other, last)
        if more:
            one.skip(more)
            other.skip(more)
        end = max(one.head or 0, other.head or 0)
        one.step()
        other.step()
        yield a, b, end, more + 1


def _alone(earlier: Cursor, later: int) -> bool:
    """Tell whether the firing after the head of the earlier side is no later than the other side's."""
    following = earlier.following()
    return following is not None and following <= later


def _in_step(one: Cursor, other: Cursor, last: int) -> int:
    """Return how many firings after the two heads differ as the heads do."""
    count = min(one.left, other.left)
    if not count or one.head is None or other.head is None:
        return 0
    gaps = one.gaps()
    if gaps != other.gaps() or (one.head != other.head and (len(gaps) > 1 or abs(one.head - other.head) >= gaps[0])):
        return 0
    if one.head != other.head:
        # Whether the last firing of a run belongs to the other side's depends on what follows the run.
        count -= 1
    turns = max(last - max(one.head, other.head), 0) // sum(gaps)
    return min(count, turns * len(gaps))
