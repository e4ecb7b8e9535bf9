"""One instant after another: everything that is due at this one, then on to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from celery.exceptions import WorkerShutdown, WorkerTerminate

from .errors import Escape, NeverIdleError, WorkerKilled

if TYPE_CHECKING:
    from .beats import Beat
    from .broker import Broker
    from .clock import VirtualClock
    from .timeline import Timeline
    from .watch import Watch
    from .workers import Worker

MILLISECOND = 1_000

# Turns at one instant. A task that publishes itself without a delay would turn for ever on a clock that stands.
TURNS = 1_000_000


class Steps:
    """Mixed into `VirtualCelery`. `_asleep` are the members that sleep in a task right now, outermost first."""

    workers: dict[str, Worker]
    beats: dict[str, Beat]
    broker: Broker
    clock: VirtualClock
    timeline: Timeline
    watch: Watch
    _current: Worker | None
    _asleep: list[str]

    def _go(self, last: int) -> None:
        """On to an instant, in clock ticks, and everything up to it."""
        while True:
            self._settle()
            following = self._next_ticks()
            if following is None or following > last:
                break
            self.clock.forward(max(following - self.clock.ticks, MILLISECOND))
        if self.clock.ticks < last:
            self.clock.forward(last - self.clock.ticks)
            self._settle()

    def _settle(self) -> None:
        """Do everything that is due at this instant."""
        for _turn in range(TURNS):
            # A list, not a generator: any() would leave out the members after the first that was busy.
            busy = [self._step_beat(beat) for beat in list(self.beats.values())]
            busy += [self._step_worker(worker) for worker in list(self.workers.values())]
            if not any(busy):
                return
        raise NeverIdleError(f"{TURNS} turns without time passing:\n{self.timeline[-1]}")

    def _next_ticks(self) -> int | None:
        """When the cluster does something next, in clock ticks."""
        instants = [beat.wake_at for beat in self.beats.values() if beat.name not in self._asleep]
        for worker in self.workers.values():
            at = None if worker.name in self._asleep else worker.next_at(self.clock.ticks)
            if at is not None:
                instants.append(at)
        return min(instants, default=None)

    def _step_beat(self, beat: Beat) -> bool:
        if beat.wake_at > self.clock.ticks or beat.name in self._asleep:
            return False
        self.watch.actor = beat.name
        try:
            return beat.step(self.clock.ticks)
        finally:
            self.watch.actor = "test"

    def _step_worker(self, worker: Worker) -> bool:
        # Another's task may have killed it since this turn began.
        if self.workers.get(worker.name) is not worker or worker.name in self._asleep:
            return False
        self.watch.actor, self._current = worker.name, worker
        try:
            return worker.step(self.clock.ticks)
        except WorkerTerminate as end:
            self._end_worker(worker, end)
            return True
        except WorkerShutdown as end:
            self._current = None
            self.stop_worker(worker.name, detail=f"{type(end).__name__} in a task")
            return True
        finally:
            self.watch.actor, self._current = "test", None

    def _end_worker(self, worker: Worker, end: WorkerTerminate) -> None:
        if isinstance(end, Escape):
            if self._asleep:
                # There are tasks further out, asleep, that must not take the error for their own.
                raise end
            raise end.error from end.error.__cause__
        if self.workers.get(worker.name) is worker:
            detail = str(end) if isinstance(end, WorkerKilled) else f"{type(end).__name__} in a task"
            self._lose_worker(worker, detail)

    def _doze(self, ticks: int) -> None:
        """Make the current actor sleep, in a task or in a tick. The others go on."""
        actor, entry, worker = self.watch.actor, self.watch.entry, self._current
        self._asleep.append(actor)
        self.watch.actor, self.watch.entry, self._current = "test", "", None
        try:
            self._go(self.clock.ticks + ticks)
        finally:
            self._asleep.remove(actor)
            self.watch.actor, self.watch.entry, self._current = actor, entry, worker
        if worker is not None and self.workers.get(worker.name) is not worker:
            raise WorkerKilled("while it slept")

    def _refuse(self, error: Exception) -> NoReturn:
        # Inside a task Celery would take the error for the task's own.
        raise Escape(error) if self._current is not None else error

    def _lose_worker(self, worker: Worker, detail: str) -> None:
        raise NotImplementedError

    def stop_worker(self, name: str | None = None, *, detail: str = "") -> None:
        """Stop a worker as SIGTERM does."""
        raise NotImplementedError
