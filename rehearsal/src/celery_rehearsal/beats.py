"""One beat: Celery's own `Service` and scheduler, woken by the cluster instead of by `sleep`."""

from __future__ import annotations

import pickle
from functools import partial
from typing import TYPE_CHECKING, Any

from celery.beat import PersistentScheduler, Service

from . import schedulers
from .clock import MICROSECONDS
from .settings import check_eager

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

    from .watch import Watch

# Celery wakes beat 10 ms before an entry is due and lets it spin through them. On a clock that stands still a
# spin never ends, so a wake that found nothing to do is followed by one at the next full 10 ms: 18:00:00.000
# sharp.
SPIN = 10_000

# Seconds. Celery's beat wakes so often at least, unless beat_max_loop_interval says otherwise.
CELERYS_SLEEP = 300

# Seconds. Celery's 300 would wake an idle beat 288 times a day; nothing but its own entries and a sync that is overdue
# wakes a beat here.
LONGEST_SLEEP = 10 * 366 * 86_400

# Seconds. django-celery-beat's scheduler wakes each 5 s, to see edits. Here it wakes at such an instant only after
# something has run that can have made one, and each 300 s, when it reads the entries of the next two hours.
FOREIGN_SLEEP = 300


class Shelf(dict[str, Any]):
    """A schedule file without a file: what was synced survives the beat, the rest does not."""

    def __init__(self, disk: dict[str, bytes], filename: str) -> None:

        super().__init__(pickle.loads(disk[filename]) if filename in disk else {})  # noqa: S301
        self._disk = disk
        self._filename = filename

    def sync(self) -> None:
        self._disk[self._filename] = pickle.dumps(dict(self))

    def close(self) -> None:
        self.sync()


class Shelves:
    """Stands for the `shelve` module in `PersistentScheduler`."""

    def __init__(self) -> None:
        self.disk: dict[str, bytes] = {}

    def open(self, filename: str, **_options: Any) -> Shelf:
        return Shelf(self.disk, filename)

    def scheduler(self) -> type[Any]:
        """Celery's default scheduler, its file in memory: syncs to a disk would take most of a year's run."""
        return type("PersistentScheduler", (PersistentScheduler,), {"persistence": self, "__module__": __name__})


class Beat:
    """A running beat. `name` is its name in the timeline."""

    def __init__(self, app: Celery, name: str, *, scheduler: Any, filename: str, ticks: int, watch: Watch) -> None:
        self.name = name
        self._watch = watch
        interval = app.conf.beat_max_loop_interval or (LONGEST_SLEEP if _is_celerys_own(scheduler) else None)
        service = Service(app, max_interval=interval, schedule_filename=filename, scheduler_cls=scheduler)
        self.scheduler: Any = service.scheduler
        self.watches_edits = hasattr(self.scheduler, "schedule_changed")
        slowest: Any = self.scheduler.max_interval
        self._wakes_every = round((CELERYS_SLEEP if slowest == LONGEST_SLEEP else slowest) * MICROSECONDS)
        if self.watches_edits:
            self.scheduler.max_interval = max(slowest, FOREIGN_SLEEP)
        self.wake_at = ticks
        self._ticked_at: int | None = None
        self.sent = self._slept = False
        for sends in ("apply_entry", "apply_async"):
            vars(self.scheduler)[sends] = partial(self._apply, getattr(self.scheduler, sends))
        self._lock = schedulers.begin(service)
        self._take_lock(ticks)

    def step(self, ticks: int) -> bool:
        """Tick if it is time; tell whether an entry was sent."""
        if self.wake_at > ticks or not self._take_lock(ticks):
            return False
        check_eager(self._watch.app)
        if self._slept and self.scheduler.should_sync():
            self.scheduler._do_sync()
        self._slept = self.sent = False
        interval = self.scheduler.tick() or 0
        if self.sent and interval <= 0:
            # beat ticks again at once after it has sent something
            return True
        wanted = ticks + max(round(interval * MICROSECONDS), 1)
        self.wake_at = min(-(-wanted // SPIN) * SPIN, self._syncs_at(ticks))
        self._slept = True
        self._ticked_at = ticks
        return False

    def look(self, ticks: int) -> None:
        """Something has run that can have edited the schedule: wake when a real beat does next."""
        if self.watches_edits and self._ticked_at is not None:
            wakes = max(-(-(ticks - self._ticked_at) // self._wakes_every), 1)
            self.wake_at = min(self.wake_at, self._ticked_at + wakes * self._wakes_every)

    def stop(self) -> None:
        """A clean shutdown: the schedule is synced to its file."""
        self.scheduler.close()

    def kill(self) -> None:
        """A SIGKILL: what was not synced is forgotten."""
        store = getattr(self.scheduler, "_store", None)
        if store is not None and not isinstance(store, Shelf):
            store.dict.close()
            store.dict = None

    def _syncs_at(self, ticks: int) -> int:
        """When a real beat writes down what it has sent: as it wakes for the first time when a sync is overdue."""
        scheduler = self.scheduler
        if not scheduler._tasks_since_sync:
            return ticks + LONGEST_SLEEP * MICROSECONDS
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
        check_eager(self._watch.app)
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
    return scheduler.__module__ in {"celery.beat", __name__}
