"""The times at which a rhythm is not relied on: around each change of a clock, and around each year's end."""

from __future__ import annotations

from bisect import bisect
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from .zones import changes, instant_of

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = timedelta(days=1)

# On each side of a change Celery's code is driven for so long and twice the change itself: what it works out from a
# local time is off by no more than the change.
MARGIN = timedelta(hours=1)


class Place(NamedTuple):
    """A place near a change: how far into its window, or before it, and what the window has, wherever it lies."""

    inside: timedelta
    shape: tuple[Any, ...]


class Windows:
    """The times around each change of the clock and each year's end, in which Celery's code is driven."""

    def __init__(self, zones: set[tzinfo], start: datetime, end: datetime) -> None:
        self._end = end
        self._lows: list[datetime] = []
        self._highs: list[datetime] = []
        self._shapes: list[tuple[Any, ...]] = []
        for low, high, what in sorted(_around(zones, start, end), key=lambda each: each[:2]):
            # Zones that change at one time have windows that overlap.
            if self._highs and low <= self._highs[-1]:
                self._highs[-1] = max(high, self._highs[-1])
            else:
                self._lows.append(low)
                self._highs.append(high)
                self._shapes.append(())
            self._shapes[-1] += ((low - self._lows[-1], *what),)

    def begun(self, first: datetime, last: datetime) -> int:
        """Return how many of them begin after `first` and until `last`."""
        return bisect(self._lows, last) - bisect(self._lows, first)

    def place(self, at: datetime) -> Place | None:
        """Return where in its window an instant lies; None outside of all."""
        number = bisect(self._lows, at) - 1
        if number < 0 or at > self._highs[number]:
            return None
        return Place(at - self._lows[number], self._shapes[number])

    def ahead(self, at: datetime) -> Place | None:
        """Return where an instant outside of all lies before the next of them; None in one, and without a next one."""
        number = bisect(self._lows, at)
        if number == len(self._lows) or self.place(at):
            return None
        return Place(at - self._lows[number], self._shapes[number])

    def next(self, at: datetime, skipped: int = 0) -> datetime:
        """Return when the next of them begins after an instant, or that after so many; or the end."""
        number = bisect(self._lows, at) + skipped
        return min(self._lows[number], self._end) if number < len(self._lows) else self._end


def _around(zones: set[tzinfo], start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, tuple[Any, ...]]]:
    """Yield each window: when it begins and ends, and what it has, the same for each like it."""
    for zone in zones:
        for change in changes(zone, start - DAY, end + DAY):
            margin = MARGIN + 2 * abs(change.after - change.before)
            yield change.at - margin, change.at + margin, (str(zone), change.before, change.after)
        for year in range(start.year, end.year + 2):
            turn = instant_of(datetime(year, 1, 1), zone)  # noqa: DTZ001 # a local time
            yield turn - MARGIN, turn + MARGIN, (str(zone),)
