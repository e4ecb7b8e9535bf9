"""`VirtualCelery`: beats, workers and a broker under one clock, driven step by step in one thread."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, Self

from . import limits, pending
from .assertions import Assertions
from .beats import Beat, Shelves
from .broker import Tap
from .clock import MICROSECONDS, VirtualClock
from .errors import BadUseError, Escape, NestedClusterError, NeverIdleError, WorkerKilled
from .faults import Faults
from .guards import guard_sockets, guard_threads
from .members import beat_names, worker_queues
from .stage import check_queues, let_assertions_out, load, queue_names, set_stage
from .timeline import Timeline
from .watch import Watch
from .workers import Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from celery import Celery

    from .broker import Broker
    from .pending import Pending

MILLISECOND = 1_000

# Turns at one instant. A task that publishes itself without a delay would turn for ever on a clock that
# stands.
TURNS = 1_000_000

_running: list[VirtualCelery] = []


class VirtualCelery(Faults, Assertions):
    """A Celery app's beats and workers, in one thread, under a frozen clock that moves on command.

    A context manager. `start` is an aware datetime. `transport` is "memory" (a broker that requeues at once
    what a lost worker held, as AMQP does) or "fakeredis" (Redis, visibility timeout and all). `workers` is a
    number, names, or names with their queues; `beats` a number or names; either may be 0. `seed` decides task
    ids and jitter. `scheduler` is a beat scheduler class or its path; without it Celery's PersistentScheduler
    runs with its file in memory. `timeline_limit` caps the timeline.

    Raises BadUseError for an argument that makes no sense, NestedClusterError for a second cluster,
    NotSimulatedError for what the kit cannot do.
    """

    def __init__(
        self,
        app: Celery,
        start: datetime,
        transport: str = "memory",
        workers: int | Iterable[str] | Mapping[str, Iterable[str]] = 1,
        beats: int | Iterable[str] = 1,
        *,
        seed: int = 0,
        scheduler: Any = None,
        schedule_filename: str | None = None,
        timeline_limit: int | None = None,
        allow_sockets: bool = False,
        allow_threads: bool = False,
        **options: Any,
    ) -> None:
        limits.refuse_options(options)
        if transport not in {"memory", "fakeredis"}:
            raise BadUseError(f'transport {transport!r}: one of "memory" and "fakeredis"; no real broker')
        self.app = app
        self._start = aware(start, "start")
        self._transport = transport
        self._workers_wanted = workers
        self._beats_wanted = beat_names(beats)
        self._allowed = {"sockets": allow_sockets, "threads": allow_threads}
        self._shelves = Shelves()
        self._scheduler = scheduler or self._shelves.scheduler()
        self._schedule_filename = schedule_filename or "schedule"
        self.workers: dict[str, Worker] = {}
        self.beats: dict[str, Beat] = {}
        self._queues: dict[str, list[str]] = {}
        self._current: Worker | None = None
        self._undo = ExitStack()
        self._thread = threading.get_ident()
        self.clock = VirtualClock(self._start, seed=seed, sleep=self._sleep)
        self.timeline = Timeline(app.timezone, timeline_limit)
        self.watch = Watch(app, self.timeline, lambda: self.clock.now)

    def __enter__(self) -> Self:
        if _running:
            raise NestedClusterError("a VirtualCelery is running already: one process has one clock")
        self._thread = threading.get_ident()
        with ExitStack() as undo:
            _running.append(self)
            undo.callback(_running.clear)
            self._enter(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._undo.close()

    def _enter(self, undo: ExitStack) -> None:
        load(self.app)
        tap = Tap(self.watch.rejected)
        self.watch.tap = tap
        self.broker: Broker = make_broker(self._transport, tap, self.app)
        self.clock.start()
        undo.callback(self.clock.stop)
        set_stage(undo, self.app, self.broker)
        self._guard(undo)
        let_assertions_out(undo, self.app, lambda: self._current is not None)
        for task in self.app.tasks.values():
            self.clock.patch_sleep_of(getattr(task.run, "__wrapped__", task.run))
        self._queues = worker_queues(self._workers_wanted, queue_names(self.app))
        for queues in self._queues.values():
            check_queues(self.app, queues)
        undo.callback(self._close)
        self.watch.connect(undo)
        for name in self._queues:
            self._make_worker(name)
        for name in self._beats_wanted:
            self._make_beat(name)

    def _guard(self, undo: ExitStack) -> None:
        limits.refuse_quorum_queues(self.app)
        limits.refuse_remote_control(undo, self.app, self._refuse)
        if not self._allowed["sockets"]:
            guard_sockets(undo, self._refuse)
        if not self._allowed["threads"]:
            guard_threads(undo, self._refuse)

    def _close(self) -> None:
        for beat in self.beats.values():
            beat.stop()
        for worker in self.workers.values():
            worker.kill()
        self.beats.clear()
        self.workers.clear()

    @property
    def now(self) -> datetime:
        """The instant it is: an aware datetime in UTC."""
        return self.clock.now

    def advance(self, delta: timedelta) -> None:
        """Let `delta` pass, and everything happen that is due in it.

        Raises BadUseError for a negative delta, and whatever AssertionError a task raised.
        """
        if delta < timedelta(0):
            raise BadUseError(
                f"advance({delta}): time does not run backwards; step_clock() is the fault for that"
            )
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
        if self.broker.queued() and self.workers:
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
        finally:
            self.watch.actor, self._current = "test", None

    def _next_ticks(self) -> int | None:
        instants: list[int] = [beat.wake_at for beat in self.beats.values()]
        for worker in self.workers.values():
            at = worker.next_at(self.clock.ticks)
            if at is not None:
                instants.append(at)
        return min(instants, default=None)

    def _make_worker(self, name: str) -> None:
        self.workers[name] = Worker(
            self.app,
            name,
            queues=self._queues[name],
            broker=self.broker,
            started=self.clock.ticks,
            watch=self.watch,
        )

    def _make_beat(self, name: str) -> None:
        self.beats[name] = Beat(
            self.app,
            name,
            scheduler=self._scheduler,
            filename=f"{self._schedule_filename}-{name}",
            ticks=self.clock.ticks,
            watch=self.watch,
        )

    def _sleep(self, seconds: float) -> None:
        # A sleeping solo worker does nothing else, and neither does anything here; a sleeping test lets time
        # pass.
        if self._current is None and self.watch.actor == "test":
            self.advance(timedelta(seconds=seconds))
        else:
            self.clock.forward(round(seconds * MICROSECONDS))

    def _check_caller(self) -> None:
        if not _running or _running[0] is not self:
            raise BadUseError("the cluster is not running: use it inside its `with` block")
        if threading.get_ident() != self._thread:
            raise BadUseError("the cluster belongs to the thread that entered it")
        if self._current is not None:
            self._refuse(BadUseError("a task cannot move the clock; it may only sleep"))

    def _refuse(self, error: Exception) -> NoReturn:
        # Inside a task Celery would take the error for the task's own.
        raise Escape(error) if self._current is not None else error


def aware(value: datetime, what: str) -> datetime:
    """The instant in UTC. Raises BadUseError for anything but an aware datetime."""
    if not isinstance(value, datetime):
        raise BadUseError(f"{what}: an aware datetime is wanted, not {value!r}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise BadUseError(f"{what}: {value!r} is naive; say which time zone it is in")
    return value.astimezone(UTC)


def make_broker(transport: str, tap: Tap, app: Celery) -> Broker:
    """A broker of its own for one cluster."""
    if transport == "memory":
        from .memory import MemoryBroker

        return MemoryBroker(tap)
    from .fake_redis import RedisBroker

    return RedisBroker(tap, dict(app.conf.broker_transport_options))
