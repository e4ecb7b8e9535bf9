"""One instant after another: everything that is due at this one, then on to the next."""

from __future__ import annotations

from contextvars import Context
from typing import TYPE_CHECKING, Any

from celery.exceptions import WorkerShutdown, WorkerTerminate

from .clock import MICROSECONDS
from .errors import Escape, NeverIdleError, WorkerKilled
from .escapes import Escapes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .beat_program import BeatProgram
    from .broker import Broker
    from .clock import VirtualClock
    from .strand import Strand
    from .strands import Strands
    from .timeline import Timeline
    from .workers import Worker

MILLISECOND = 1_000

# In microseconds. A process that has not stopped or started in a day of the clock never will.
PATIENCE = 86_400 * MICROSECONDS

# Turns at one instant. `Turns` finds a loop long before; this one ends what grows in width, as a task that
# publishes itself twice, before it fills the memory.
TURNS = 200_000


class Steps(Escapes):
    """Mixed into `VirtualCelery`."""

    workers: dict[str, Worker]
    beats: dict[str, BeatProgram]
    broker: Broker
    clock: VirtualClock
    timeline: Timeline
    strands: Strands

    @property
    def _current(self) -> Worker | None:
        """The worker whose code runs."""
        return self.strands.current.worker if self.strands.current else None

    def _go(self, last: int | None, until: Callable[[], Any] | None = None) -> bool:
        """On to an instant, in clock ticks, and everything up to it; or until something is true, and tell whether."""
        self.strands.progress += 1
        while True:
            self._settle(until)
            if until is not None and until():
                return True
            if last is not None and self.clock.ticks >= last:
                return False
            following = self._next_ticks()
            if following is None and last is None:
                return False
            instants = [last] if last is not None else []
            if following is not None:
                instants.append(max(following, self.clock.ticks + MILLISECOND))
            self.clock.forward(min(instants) - self.clock.ticks)

    def _settle(self, until: Callable[[], Any] | None = None) -> None:
        """Do everything that is due at this instant, or what comes before something is true."""
        turns = self.watch.turns
        for _turn in range(TURNS):
            # A list, not a generator: any() would leave out the members after the first that was busy.
            busy = [self._step_beat(beat) for beat in list(self.beats.values())]
            ran = [self._step_worker(worker) for worker in list(self.workers.values())]
            ran += [self._resume(strand) for strand in self.strands.due()]
            if any(ran):
                for beat in self.beats.values():
                    beat.look(self.clock.ticks)
            busy += ran
            if turns.endless or not any(busy) or (until is not None and until()):
                break
        else:
            turns.endless = f"{turns.last} is the last of {TURNS} turns"
        if turns.endless:
            what, turns.endless = turns.endless, ""
            raise NeverIdleError(f"{what} without time passing, at {self.clock.now:%Y-%m-%d %H:%M:%S}Z")

    def _next_ticks(self) -> int | None:
        """When the cluster does something next, in clock ticks."""
        instants: list[int | None] = [beat.wake_at for beat in self.beats.values() if not self._loops(beat)]
        instants += [worker.next_at(self.clock.ticks) for worker in self.workers.values() if not self._loops(worker)]
        return min((at for at in [*instants, self.strands.next_at()] if at is not None), default=None)

    def _loops(self, member: BeatProgram | Worker) -> bool:
        """Whether a member is in the middle of a turn of its loop."""
        return any(strand.loop for strand in self.strands.of(member.name))

    def _step_beat(self, beat: BeatProgram) -> bool:
        if beat.wake_at > self.clock.ticks or self._loops(beat):
            return False
        began = self.clock.ticks

        def turn() -> bool:
            busy = beat.step(began)
            beat.wake_at += self.clock.ticks - began
            return busy

        return self._turn(beat, None, turn)

    def _step_worker(self, worker: Worker) -> bool:
        # Another's task may have killed it since this turn began.
        if self.workers.get(worker.name) is not worker or worker.is_idle(self.clock.ticks) or self._loops(worker):
            return False
        return self._turn(worker, worker, lambda: worker.step(self.clock.ticks))

    def _turn(self, member: BeatProgram | Worker, worker: Worker | None, turn: Callable[[], bool]) -> bool:
        strand = self.strands.spawn(member.name, worker, turn, member.context)
        strand.loop, strand.active = True, member.active
        self._resume(strand)
        return bool(strand.result) if strand.done else True

    def _resume(self, strand: Strand) -> bool:
        if strand.done:
            # Killed since this turn began.
            return False
        self.strands.resume(strand)
        if strand.done:
            self._ended(strand)
        # Here no exception is being handled that would become its context.
        self._raise_what_left()
        return True

    def _ended(self, strand: Strand) -> None:
        end, worker = strand.error, strand.worker
        if isinstance(end, WorkerKilled):
            self.strands.forget(strand)
        if strand.alone:
            return
        if isinstance(end, Escape):
            self._leaving = self._leaving or end.error
        elif worker is not None and strand.loop and worker.ends_by(end):
            self.stop_worker(worker.name, detail=f"unrecoverable error: {end!r}")
        elif worker is None or not isinstance(end, WorkerShutdown | WorkerTerminate) or _is_of_a_child(strand, end):
            # Code in a beat or in a child that raises one of these ends no worker.
            self._leaving = self._leaving or end
        elif isinstance(end, WorkerShutdown):
            self.stop_worker(worker.name, detail=getattr(end, "why", "WorkerShutdown in a task"))
        elif self.workers.get(worker.name) is worker:
            self._lose_worker(worker, str(end) if isinstance(end, WorkerKilled) else "WorkerTerminate in a task")

    def _drive(self, ticks: int | None, until: Callable[[], Any] | None) -> bool:
        """The test's own code waits: let time pass."""
        self._check_caller()
        return self._go(None if ticks is None else self.clock.ticks + ticks, until)

    def _act(self, name: str, function: Callable[[], Any], worker: Worker | None = None) -> None:
        """Let a member start or stop: what its code does there, its waiting included, is the member's."""
        self._act_together([(name, function, worker)])

    def _act_together(self, acts: Iterable[tuple[str, Callable[[], Any], Worker | None]]) -> None:
        """As `_act`, for several members that begin at one instant."""
        outside = self.watch.actor == "test"
        strands = [self.strands.spawn(name, w, act, w.context if w else Context()) for name, act, w in acts]
        try:
            for strand in strands:
                self._resume(strand)
            if not all(strand.done for strand in strands):
                self._check_caller()
                last = self.clock.ticks + PATIENCE
                self._go(None, lambda: all(strand.done for strand in strands) or self.clock.ticks > last)
            for strand in strands:
                if not strand.done:
                    raise NeverIdleError(_describe(strand.member, strand.worker))
        except BaseException as error:
            if outside or isinstance(error, Escape):
                raise
            raise Escape(error) from error

    def _check_caller(self) -> None:
        raise NotImplementedError

    def _lose_worker(self, worker: Worker, detail: str) -> None:
        raise NotImplementedError

    def stop_worker(self, name: str | None = None, *, detail: str = "") -> None:
        """Stop a worker as SIGTERM does."""
        raise NotImplementedError


def _is_of_a_child(strand: Strand, end: BaseException) -> bool:
    return not strand.loop and not isinstance(end, WorkerKilled)


def _describe(name: str, worker: Worker | None) -> str:
    running = [f"{request.name}[{request.id}]" for request in worker.running()] if worker else []
    what = f"waits for {', '.join(running)}" if running else "waits in code of its own"
    return (
        f"{name} {what}, without an end or for more than a day: a real one would not stop or start either. Let it end "
        "first, or kill_worker()"
    )
