"""Tell a slow machine from stuck work, for scenarios that live on the machine's clock."""

import time
from collections.abc import Callable, Iterator

# Exit statuses of scenarios, soaks and storms.
EQUAL, WRONG, TOO_SLOW = 0, 1, 2
# Seconds from the start to the cutoff: time to start all processes before it on an idle machine.
CUTOFF_IN = 15.0
# The longest that a machine is given: two minutes to start what takes five seconds is no machine for this.
LONGEST_CUTOFF_IN = 120.0


class TooSlow(Exception):
    """The machine did not keep up; nothing is known to be wrong. The message says what was late."""


class Stuck(TimeoutError):
    """Work is left and none of it has moved for a long time."""


class Watch:
    """Watches what is left to do, by a text that changes as work is done."""

    def __init__(self, *, stalled: float, within: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`stalled` is the longest time (seconds) without a change, `within` the longest time in all."""
        self._stalled, self._within, self._clock = stalled, within, clock
        self._began = self._moved = clock()
        self._left: str | None = None

    def look(self, left: str) -> bool:
        """Return whether nothing is left (an empty text).

        Raises Stuck where nothing has changed for too long, and TooSlow where work still moves but takes too long.
        """
        now = self._clock()
        if left != self._left:
            self._left, self._moved = left, now
        if not left:
            return True
        if now - self._moved >= self._stalled:
            raise Stuck(f"nothing has moved for {now - self._moved:.0f} s; left: {left}")
        if now - self._began >= self._within:
            raise TooSlow(f"work still moved after {now - self._began:.0f} s; left: {left}")
        return False


def cutoffs(first: float = CUTOFF_IN) -> Iterator[float]:
    """Seconds to the cutoff to try one after the other: each twice the one before, to the longest that is given."""
    cutoff_in = first
    while cutoff_in < LONGEST_CUTOFF_IN:
        yield cutoff_in
        cutoff_in *= 2
    yield LONGEST_CUTOFF_IN
