"""One beat: Celery's own `Service` and scheduler, woken by the cluster instead of by `sleep`."""

from __future__ import annotations

from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any

from celery.beat import Service

from . import schedulers, shelves
from .clock import MICROSECONDS
from .settings import check_eager

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

    from .watch import Watch

# Seconds. Celery wakes beat 10 ms before an entry is due and lets it spin through them. On a clock that stands still a
# spin never ends, so beat wakes when the first entry that it asked says it is due, or after this time if none says.
SPIN = 0.01

# Microseconds. A wake is rounded up to it, as a worker's timer is: an entry's instant becomes a float of seconds since
# 1970 on its way here.
MILLISECOND = 1_000

# Seconds: for ever. Celery's own scheduler wakes each 300 s and, before its first entry is due, does nothing. These
# wakes are left out: there would be 288 in a day.
LONGEST_SLEEP = 10 * 366 * 86_400.0

# Seconds. django-celery-beat's scheduler wakes each 5 s, to see edits. Here it wakes at such an instant only after
# something has run that can have made one, and each 300 s, when it reads the entries of the next two hours.
FOREIGN_SLEEP = 300


class Beat:
    """A running beat. `name` is its name in the timeline."""

    def __init__(self, app: Celery, name: str, *, scheduler: Any, filename: str, ticks: int, watch: Watch) -> None:
        self.name = name
        # The contextvars of its process.
        self.context = Context()
        self._watch = watch
        self._skips_idle_wakes = _is_celerys_own(scheduler)
        service = Service(app, schedule_filename=filename, scheduler_cls=scheduler)
        self.scheduler: Any = service.scheduler
        self.watches_edits = hasattr(self.scheduler, "schedule_changed")
        slowest: Any = self.scheduler.max_interval
        self._wakes_every = round(slowest * MICROSECONDS)
        if self.watches_edits:
            self.scheduler.max_interval = max(slowest, FOREIGN_SLEEP)
        self.wake_at = ticks
        self._ticked_at: int | None = None
        self.sent = self._slept = False
        self._ask = self.scheduler.is_due
        vars(self.scheduler)["is_due"] = self._is_due
        self._due_in: dict[str, float] = {}
        for sends in ("apply_entry", "apply_async"):
            vars(self.scheduler)[sends] = partial(self._apply, getattr(self.scheduler, sends))
        self._lock = self.started(service)
        self._take_lock(ticks)

    def started(self, service: Any) -> Callable[[], None] | None:
        """Tell the app that beat has started; return what beat does next at its start if that takes a lock."""
        return schedulers.begin(service)

    def step(self, ticks: int) -> bool:
        """Tick if it is time; tell whether an entry was sent."""
        if self.wake_at > ticks or not self._take_lock(ticks):
            return False
        check_eager(self.scheduler.app)
        if self._slept and self.scheduler.should_sync():
            self.scheduler._do_sync()
        self._slept = self.sent = False
        interval = self._tick()
        if self.sent and interval <= 0:
            # beat ticks again at once after it has sent something
            return True
        wanted = ticks + max(round(self._pause(interval) * MICROSECONDS), 1)
        self.wake_at = min(-(-wanted // MILLISECOND) * MILLISECOND, self._syncs_at(ticks))
        self._slept = True
        self._ticked_at = ticks
        return False

    def look(self, ticks: int) -> None:
        """Something has run that can have edited the schedule: wake when a real beat does next."""
        if self.watches_edits:
            self.wake_in_time(ticks)

    def wake_in_time(self, ticks: int) -> None:
        """Wake when a real beat does next: it sleeps no longer than its longest interval, and then asks again."""
        if self._ticked_at is not None:
            wakes = max(-(-(ticks - self._ticked_at) // self._wakes_every), 1)
            self.wake_at = min(self.wake_at, self._ticked_at + wakes * self._wakes_every)

    def stop(self) -> None:
        """A clean shutdown: the schedule is synced to its file."""
        self.scheduler.close()

    def kill(self) -> None:
        """A SIGKILL: what was not synced is forgotten."""
        store = getattr(self.scheduler, "_store", None)
        if store is not None and not isinstance(store, shelves.Shelf):
            store.dict.close()
            store.dict = None

    def _tick(self) -> float:
        # Without a pause beat ticks again. It does so until it asks an entry a second time at one instant.
        self._due_in.clear()
        while True:
            asked = len(self._due_in)
            interval = float(self.scheduler.tick() or 0)
            if self.sent or interval > 0 or len(self._due_in) == asked:
                return interval

    def _is_due(self, entry: Any) -> Any:
        answer = self._ask(entry)
        is_due, seconds = answer
        if not is_due and isinstance(seconds, int | float):
            self._due_in[entry.name] = seconds
        return answer

    def _pause(self, interval: float) -> float:
        """Seconds until beat finds something to do."""
        scheduler = self.scheduler
        if interval <= 0:
            return min((seconds for seconds in self._due_in.values() if seconds > 0), default=SPIN)
        if interval < scheduler.max_interval or not self._skips_idle_wakes:
            return interval
        if not scheduler._heap:
            return LONGEST_SLEEP
        first = scheduler._heap[0]
        # Up to Celery 5.6 beat asks its first entry at each wake. After a change of the clock it can be due before the
        # time in the heap.
        asked = [scheduler.adjust(seconds) for seconds in self._due_in.values()]
        return float(max(min([first.time - scheduler._when(first.entry, 0), *asked]), interval))

    def _syncs_at(self, ticks: int) -> int:
        """When a real beat writes down what it has sent: as it wakes for the first time when a sync is overdue."""
        scheduler = self.scheduler
        if not scheduler._tasks_since_sync:
            return int(ticks + LONGEST_SLEEP * MICROSECONDS)
        overdue = (scheduler._last_sync or 0) + scheduler.sync_every
        wakes = max((round(overdue * MICROSECONDS) - ticks) // self._wakes_every + 1, 1)
        return int(ticks + wakes * self._wakes_every)

    def _take_lock(self, ticks: int) -> bool:
        if self._lock is not None:
            try:
                self._lock()
            except schedulers.LockBusy as busy:
                self.wake_at = ticks + round(busy.seconds * MICROSECONDS)
                return False
            self._lock = None
        return True

    def _apply(self, send: Callable[..., Any], entry: Any, producer: Any = None, **options: Any) -> Any:
        if self._watch.entry:
            # Celery's own apply_entry calls apply_async; RedBeat calls that alone.
            return send(entry, producer=producer, **options)
        check_eager(self.scheduler.app)
        self.sent = True
        self._watch.entry = entry.name
        self._watch.turns.came(f"{self.name} {entry.name}", f"entry {entry.name} of {self.name}")
        self._watch.add("beat", worker=self.name, entry=entry.name, task=entry.task)
        try:
            return send(entry, producer=producer, **options)
        finally:
            self._watch.entry = ""


def entry_order(one: Any, other: Any) -> bool:
    """Of two entries due at one instant the name decides; Celery compares their addresses in memory."""
    return bool(one.name < other.name)


def _is_celerys_own(scheduler: Any) -> bool:
    return scheduler.__module__ in {"celery.beat", shelves.__name__}
