"""One instant after another: everything that is due at this one, then on to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from celery.exceptions import WorkerShutdown, WorkerTerminate

from .errors import Escape, NeverIdleError, WorkerKilled
from .leaving import is_verdict

if TYPE_CHECKING:
    from .beats import Beat
    from .broker import Broker
    from .clock import VirtualClock
    from .timeline import Timeline
    from .watch import Watch
    from .workers import Worker

MILLISECOND = 1_000

# Turns at one instant. `Turns` finds a loop long before; this one ends what grows in width, as a task that
# publishes itself twice, before it fills the memory.
TURNS = 200_000


class Steps:
    """Mixed into `VirtualCelery`. `_asleep` are the members that sleep in a task right now, outermost first.

    `_leaving` is what is on its way to the test.
    """

    workers: dict[str, Worker]
    beats: dict[str, Beat]
    broker: Broker
    clock: VirtualClock
    timeline: Timeline
    watch: Watch
    _current: Worker | None
    _asleep: list[str]
    _leaving: BaseException | None = None

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
        turns = self.watch.turns
        for _turn in range(TURNS):
            # A list, not a generator: any() would leave out the members after the first that was busy.
            busy = [self._step_beat(beat) for beat in list(self.beats.values())]
            ran = [self._step_worker(worker) for worker in list(self.workers.values())]
            if any(ran):
                for beat in self.beats.values():
                    beat.look(self.clock.ticks)
            busy += ran
            if turns.endless or not any(busy):
                break
        else:
            turns.endless = f"{turns.last} is the last of {TURNS} turns"
        if turns.endless:
            what, turns.endless = turns.endless, ""
            self._out(NeverIdleError(f"{what} without time passing, at {self.clock.now:%Y-%m-%d %H:%M:%S}Z"))

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
        return self._step(beat, None)

    def _step_worker(self, worker: Worker) -> bool:
        # Another's task may have killed it since this turn began.
        if self.workers.get(worker.name) is not worker or worker.name in self._asleep:
            return False
        return self._step(worker, worker)

    def _step(self, member: Beat | Worker, worker: Worker | None) -> bool:
        self.watch.actor, self._current = member.name, worker
        busy = True
        try:
            busy = member.step(self.clock.ticks)
        except Escape as end:
            self._leaving = end.error
        except (WorkerShutdown, WorkerTerminate) as end:
            self._end_worker(worker, end)
        except BaseException as error:
            # Raised below, where no exception is being handled that would become its context.
            self._leaving = error
        finally:
            self.watch.actor, self._current = "test", None
        if self._leaving is not None:
            self._out(self._leaving)
        return busy

    def _end_worker(self, worker: Worker | None, end: WorkerShutdown | WorkerTerminate) -> None:
        detail = str(end) if isinstance(end, WorkerKilled) else f"{type(end).__name__} in a task"
        if worker is None:
            # Code in a beat raised it. It ends no worker.
            self._leaving = end
        elif isinstance(end, WorkerShutdown):
            self._current = None
            self.stop_worker(worker.name, detail=detail)
        elif self.workers.get(worker.name) is worker:
            self._lose_worker(worker, detail)

    def leave(self, error: BaseException) -> None:
        """Raise an Escape if code that a member runs has raised an exception that is meant for the test."""
        if self.watch.actor != "test" and is_verdict(error):
            self._leaving = error
            raise Escape(error) from error

    def _out(self, error: BaseException) -> NoReturn:
        # A task that sleeps further out must not take the error for its own. If it does, `_step` asks again.
        self._leaving = error if self._asleep else None
        raise Escape(error) if self._asleep else error

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
