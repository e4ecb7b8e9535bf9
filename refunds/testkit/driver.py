"""Moving a cluster through time: at each instant everything that is due, then on to the next."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from celery.exceptions import WorkerShutdown, WorkerTerminate

from . import pending
from .clock import MICROSECONDS
from .errors import BadUseError, Escape, NeverIdleError, WorkerKilled

if TYPE_CHECKING:
    from .beats import Beat
    from .broker import Broker
    from .clock import VirtualClock
    from .pending import Pending
    from .timeline import Timeline
    from .watch import Watch
    from .workers import Worker

MILLISECOND = 1_000

# Turns at one instant. A task that publishes itself without a delay would turn for ever on a clock that
# stands.
TURNS = 1_000_000


class Driver:
    """Mixed into `VirtualCelery`."""

    workers: dict[str, Worker]
    beats: dict[str, Beat]
    broker: Broker
    clock: VirtualClock
    timeline: Timeline
    watch: Watch
    _current: Worker | None
    _thread: int

    @property
    def now(self) -> datetime:
        """The instant it is: an aware datetime in UTC."""
        return self.clock.now

    def advance(self, delta: timedelta) -> None:
        """Let `delta` pass, and everything happen that is due in it.

        Raises BadUseError for a negative delta, and whatever AssertionError a task raised.
        """
        if delta < timedelta(0):
            raise BadUseError(f"advance({delta}): time does not run backwards; step_clock() is the fault for that")
        self._run(self.clock.ticks + delta // timedelta(microseconds=1))

    def run_until(self, instant: datetime) -> None:
        """As `advance`, up to an aware datetime; what is due at that very instant runs."""
        self.advance(aware(instant, "run_until") - self.now)

    def run_until_idle(self, limit: timedelta = timedelta(days=1)) -> None:
        """Advance until no message is queued, scheduled or unacked; entries of beat yet to come do not count.

        Raises NeverIdleError, naming what is left, after `limit`, or when nothing left to do would change it.
        """
        self._check_caller()
        last = self.clock.ticks + limit // timedelta(microseconds=1)
        while True:
            self._settle()
            left = self.pending()
            if not left:
                return
            following = self._next_ticks()
            if following is None or following > last:
                raise NeverIdleError(pending.explain(left, limit, self))
            self.clock.forward(following - self.clock.ticks)

    def pending(self) -> Pending:
        """What is queued, scheduled and unacked right now."""
        return pending.look(self.broker, self.workers.values(), self.clock)

    def next_at(self) -> datetime | None:
        """When something happens next by itself: an aware datetime in UTC, None for never."""
        if self.broker.has_messages() and self.workers:
            return self.now
        following = self._next_ticks()
        if following is None:
            return None
        return self.now + timedelta(microseconds=max(0, following - self.clock.ticks))

    def _run(self, last: int) -> None:
        self._check_caller()
        for beat in self.beats.values():
            if beat.watches_edits:
                beat.wake_at = self.clock.ticks
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

    def _step_beat(self, beat: Beat) -> bool:
        if beat.wake_at > self.clock.ticks:
            return False
        self.watch.actor = beat.name
        try:
            return beat.step(self.clock.ticks)
        finally:
            self.watch.actor = "test"

    def _step_worker(self, worker: Worker) -> bool:
        self.watch.actor, self._current = worker.name, worker
        try:
            return worker.step(self.clock.ticks)
        except WorkerKilled as killed:
            self._lose_worker(worker, str(killed))
            return True
        except Escape as escape:
            raise escape.error from escape.error.__cause__
        except WorkerTerminate as end:
            self._lose_worker(worker, f"{type(end).__name__} in a task")
            return True
        except WorkerShutdown as end:
            self._current = None
            self.stop_worker(worker.name, detail=f"{type(end).__name__} in a task")
            return True
        finally:
            self.watch.actor, self._current = "test", None

    def _next_ticks(self) -> int | None:
        instants: list[int] = [beat.wake_at for beat in self.beats.values()]
        for worker in self.workers.values():
            at = worker.next_at(self.clock.ticks)
            if at is not None:
                instants.append(at)
        return min(instants, default=None)

    def _sleep(self, seconds: float) -> None:
        # A sleeping solo worker does nothing else, and neither does anything here; a sleeping test lets time
        # pass.
        if self._current is None and self.watch.actor == "test":
            self.advance(timedelta(seconds=seconds))
        else:
            self.clock.forward(round(seconds * MICROSECONDS))

    def _check_caller(self) -> None:
        if not self._is_running():
            raise BadUseError("the cluster is not running: use it inside its `with` block")
        if threading.get_ident() != self._thread:
            raise BadUseError("the cluster belongs to the thread that entered it")
        if self._current is not None:
            self._refuse(BadUseError("a task cannot move the clock; it may only sleep"))

    def _refuse(self, error: Exception) -> NoReturn:
        # Inside a task Celery would take the error for the task's own.
        raise Escape(error) if self._current is not None else error

    def _is_running(self) -> bool:
        raise NotImplementedError

    def _lose_worker(self, worker: Worker, detail: str) -> None:
        raise NotImplementedError

    def stop_worker(self, name: str | None = None, *, detail: str = "") -> None:
        """Stop a worker as SIGTERM does."""
        raise NotImplementedError


def aware(value: datetime, what: str) -> datetime:
    """The instant in UTC. Raises BadUseError for anything but an aware datetime."""
    if not isinstance(value, datetime):
        raise BadUseError(f"{what}: an aware datetime is wanted, not {value!r}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise BadUseError(f"{what}: {value!r} is naive; say which time zone it is in")
    return value.astimezone(UTC)
