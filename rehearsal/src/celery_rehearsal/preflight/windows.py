"""The times at which a rhythm is not relied on: around each change of a clock, and around each year's end."""

from __future__ import annotations

from bisect import bisect
from datetime import datetime, timedelta, tzinfo

from .zones import changes, instant_of

DAY = timedelta(days=1)

# On each side of a change Celery's code is driven for so long and twice the change itself: what it works out from a
# local time is off by no more than the change.
MARGIN = timedelta(hours=1)


class Windows:
    """The times around each change of the clock and each year's end, in which Celery's code is driven."""

    def __init__(self, zones: set[tzinfo], start: datetime, end: datetime) -> None:
        found = []
        for zone in zones:
            for change in changes(zone, start - DAY, end + DAY):
                margin = MARGIN + 2 * abs(change.after - change.before)
                found.append((change.at - margin, change.at + margin))
            for year in range(start.year, end.year + 2):
                turn = instant_of(datetime(year, 1, 1), zone)  # noqa: DTZ001 # a local time
                found.append((turn - MARGIN, turn + MARGIN))
        found.sort()
        self._lows = [low for low, _high in found]
        # Zones that change at one time have windows that overlap.
        self._highs: list[datetime] = []
        for _low, high in found:
            self._highs.append(max(high, self._highs[-1] if self._highs else high))
        self._end = end

    def quiet(self, first: datetime, last: datetime) -> bool:
        """Tell whether a stretch of time touches none of them."""
        return not self._inside(first) and bisect(self._lows, first) == bisect(self._lows, last)

    def next(self, at: datetime) -> datetime | None:
        """Return when the next of them begins, or the end; None inside of one."""
        if self._inside(at):
            return None
        number = bisect(self._lows, at)
        return min(self._lows[number], self._end) if number < len(self._lows) else self._end

    def _inside(self, at: datetime) -> bool:
        number = bisect(self._lows, at)
        return number > 0 and at <= self._highs[number - 1]
