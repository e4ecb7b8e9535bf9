"""One entry in Celery's own scheduler, under the kit's clock."""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ..beats import MILLISECOND, SPIN
from ..clock import MICROSECONDS
from ..errors import TestkitError
from ..patching import Undo, swap_contents
from .errors import CannotCheckError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from .entries import Entry, Reading

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICRO = timedelta(microseconds=1)


class _Alone:
    """Mixed into the scheduler's class: it has one entry, and keeps what that entry answers."""

    alone: dict[str, Any]
    answer: Any = None
    failed: Exception | None = None
    schedule = property(lambda self: self.alone)

    def is_due(self, entry: Any) -> Any:
        try:
            self.answer = super().is_due(entry)  # type: ignore[misc] # the scheduler's class comes after this one
        except Exception as error:
            self.failed = error
            raise
        return self.answer


class Driver:
    """A context manager: beat at its start, with one entry. The entry is as before when the block ends.

    The code of a known entry is Celery's own, which counts from the last run.
    """

    def __init__(self, read: Reading, entry: Entry, *, known: bool = False) -> None:
        self._entry = entry
        self._known = known
        self._clock = read.clock
        self._undo = Undo()
        found = read.scheduler
        self._scheduler: Any = copy(found)
        self._scheduler.__class__ = type(type(found).__name__, (_Alone, type(found)), {"__module__": __name__})
        fresh = {"alone": {entry.name: entry.source}, "_heap": None, "old_schedulers": None, "sent": None}
        vars(self._scheduler).update(fresh)
        if hasattr(found, "_dirty"):
            # django-celery-beat's: the rows to be written.
            self._scheduler._dirty = set()
        self._clock.step(read.start - self._clock.now)

    def __enter__(self) -> Self:
        for owner in (self._entry.source, self._entry.schedule, getattr(self._entry.source, "model", None)):
            if hasattr(owner, "__dict__"):
                swap_contents(self._undo, vars(owner))
        # Celery asks each entry as it starts. Celery 5.7 logs an error of the application's schedule and goes on.
        try:
            self._entry.source.is_due()
        except Exception as error:
            self._undo.close()
            raise self._failure(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._undo.close()

    def fire(self, end: datetime) -> datetime | None:
        """Let beat run until it sends the entry, and return when; None where that is after `end`."""
        scheduler = self._scheduler
        while self._clock.now <= end:
            scheduler.sent, scheduler.answer = None, None
            try:
                interval = float(scheduler.tick() or 0)
            except Exception as error:
                # Of the application's schedule. Celery 5.7 logs it and goes on; before, it ends beat.
                raise self._failure(error) from error
            if scheduler.failed is not None:
                raise self._failure(scheduler.failed) from scheduler.failed
            if scheduler.sent is not None:
                return self._clock.now
            self._sleep(self._pause(interval))
        return None

    @property
    def waits(self) -> timedelta:
        """How long after the firing that `fire` has returned beat asks the entry again, in whole milliseconds."""
        seconds = self._scheduler._heap[0].time - (self._clock.now - EPOCH).total_seconds()
        return timedelta(milliseconds=round(seconds * 1000))

    def jump(self, at: datetime, waits: timedelta) -> None:
        """Let beat be where it has just sent the entry at an instant, and asks it again after `waits`."""
        self._clock.step(at - self._clock.now)
        heap = self._scheduler._heap
        entry = heap[0].entry
        entry.last_run_at = at.astimezone(entry.last_run_at.tzinfo)
        heap[0] = heap[0]._replace(time=(at - EPOCH + waits).total_seconds())

    def _pause(self, interval: float) -> float:
        scheduler = self._scheduler
        if interval <= 0:
            return float(max(getattr(scheduler.answer, "next", 0) or 0, SPIN))
        if interval < scheduler.max_interval:
            return interval
        # Beat wakes each max_interval. Since Celery 5.7 it does nothing before the first time in its heap. Up to 5.6 it
        # asks its first entry each time, which after a change of the clock can be due before the time in the heap.
        first = scheduler._heap[0]
        waits = first.time - scheduler._when(first.entry, 0)
        if scheduler.answer is not None:
            answered = scheduler.adjust(scheduler.answer[1]) or 0
            # What counts from the last run answers the same at each wake until it is due. Others are asked each time.
            waits = answered if self._known and waits <= 0 else min(waits, answered)
        return float(max(waits, interval))

    def _sleep(self, seconds: float) -> None:
        now = (self._clock.now - EPOCH) // MICRO
        wanted = now + max(round(seconds * MICROSECONDS), 1)
        # As the cluster's beat: an instant that has been a float is a fraction of a microsecond off.
        self._clock.step((-(-wanted // MILLISECOND) * MILLISECOND - now) * MICRO)

    def _failure(self, error: Exception) -> Exception:
        if isinstance(error, TestkitError):
            return error
        at = f"{self._clock.now:%Y-%m-%d %H:%M:%S} UTC"
        return CannotCheckError(
            f"entry {self._entry.name}: its schedule {self._entry.schedule!r} failed at {at} with "
            f"{type(error).__name__}: {error}. Beat would not send it: correct the schedule"
        )
