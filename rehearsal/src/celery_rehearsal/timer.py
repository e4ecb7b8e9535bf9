"""A worker's timer, without a thread: the driver asks when it is due and lets it run."""

from __future__ import annotations

import heapq
import itertools
import math
from typing import Any

from kombu.asynchronous import timer as kombu_timer

from .clock import MICROSECONDS


class Entry(kombu_timer.Entry):
    """A timer entry. Of two at one instant the older goes first; kombu compares their addresses in memory."""

    __slots__ = ("number",)
    _numbers = itertools.count()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.number = next(self._numbers)

    def __lt__(self, other: Any) -> bool:
        return bool(self.number < other.number)


class Timer(kombu_timer.Timer):
    """kombu's timer without the thread that Celery's solo pool gives it."""

    Entry = Entry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(max_interval=math.inf, on_error=kwargs.get("on_error"))

    def _enter(self, eta: float, priority: int, entry: Any, push: Any = heapq.heappush) -> Any:
        # Up to the millisecond: an ETA becomes a float of seconds since 1970 on its way here, off by a
        # microsecond either way, and must not run before its instant. The tolerance is that microsecond.
        rounded = math.ceil(eta * 1000 - 0.001) / 1000
        return super()._enter(rounded, priority, entry, push)

    def call_after(self, secs: float, *args: Any, **kwargs: Any) -> Any:
        # A token bucket asks to be called "in 1e-16 s"; on a clock that stands still that is for ever now.
        return super().call_after(max(secs, 0.001), *args, **kwargs)

    def next_at(self) -> int | None:
        """When the next entry is due, in clock ticks."""
        while self._queue and self._queue[0].entry.canceled:
            heapq.heappop(self._queue)
        return round(self._queue[0].eta * MICROSECONDS) if self._queue else None

    def run_due(self) -> bool:
        """Call every entry that is due; tell whether there was one."""
        ran = False
        for _delay, entry in self:
            if entry is None:
                break
            ran = True
            self.apply_entry(entry)
        return ran
