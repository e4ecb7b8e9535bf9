"""`VirtualCelery`: beats, workers and a broker under one clock, driven step by step in one thread."""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import fakeredis
from celery.local import Proxy

from . import limits, schedulers, seams
from .arguments import aware
from .assertions import Assertions
from .beats import Beat, Shelves
from .broker import Tap
from .clock import VirtualClock
from .errors import BadUseError, NestedClusterError
from .faults import Faults
from .guards import guard_eager, guard_sockets, guard_threads
from .leaving import guard_signals
from .members import beat_names, worker_queues
from .results import install_backend
from .stage import check_queues, load, queue_names, set_stage, wrap_tasks
from .timeline import Timeline
from .watch import Watch
from .workers import Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from celery import Celery

    from .broker import Broker

_running: list[VirtualCelery] = []

# The one started last, running or not: the pytest plugin shows its timeline when the test fails.
last: list[VirtualCelery] = []


def stop_leftover() -> bool:
    """Stop the cluster that somebody forgot; tell whether there was one."""
    left = list(_running)
    for cluster in left:
        cluster.__exit__(None, None, None)
    return bool(left)


class VirtualCelery(Faults, Assertions):
    """A Celery app's beats and workers, in one thread, under a frozen clock that moves on command.

    A context manager. `start` is an aware datetime. `transport` is "memory" (a broker that requeues at once
    what a lost worker held, as AMQP does) or "fakeredis" (Redis, visibility timeout and all). `workers` is a
    number, names, or names with their queues; `beats` a number or names; either may be 0. `seed` decides task
    ids and jitter. `scheduler` is a beat scheduler class or its path, as the option -S of `celery beat`;
    without it the app's beat_scheduler runs, Celery's PersistentScheduler with its file in memory.
    `timeline_limit` caps the timeline. `allow_sockets` and `allow_threads` let code under virtual time have
    what is refused otherwise, a result backend on a real server among it; `result_backend` is a URL or a
    class to use instead of the app's own result backend; `any_version` tries a Celery that is not supported.
    `django_checks` runs Django's system checks at the start, as a real worker does.

    Raises BadUseError for an argument that makes no sense, NestedClusterError for a second cluster,
    SchedulerImportError for a scheduler that cannot be imported, NotSimulatedError for what the kit cannot do.
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
        result_backend: Any = None,
        schedule_filename: str | None = None,
        timeline_limit: int | None = None,
        allow_sockets: bool = False,
        allow_threads: bool = False,
        any_version: bool = False,
        django_checks: bool = False,
        **options: Any,
    ) -> None:
        limits.refuse_options(options)
        seams.check(any_version=any_version)
        if transport not in {"memory", "fakeredis"}:
            raise BadUseError(f'transport {transport!r}: one of "memory" and "fakeredis"; no real broker')
        # a proxy, such as current_app, keeps nothing that is set on it
        self.app: Any = app._get_current_object() if isinstance(app, Proxy) else app
        self._start = aware(start, "start")
        self._transport = transport
        self._workers_wanted = workers
        self._beats_wanted = beat_names(beats)
        self._allowed = {"sockets": allow_sockets, "threads": allow_threads, "checks": django_checks}
        self._shelves = Shelves()
        self._scheduler = scheduler
        self._on_disk = False
        self._schedule_filename = schedule_filename or "schedule"
        self.workers: dict[str, Worker] = {}
        self.beats: dict[str, Beat] = {}
        self._queues: dict[str, list[str]] = {}
        self._current: Worker | None = None
        self._asleep: list[str] = []
        self._arms: list[tuple[str | None, str, str]] = []
        self._result_backend = result_backend
        self._server: Any = None
        self._undo = ExitStack()
        self._thread = threading.get_ident()
        self.clock = VirtualClock(self._start, seed=seed, sleep=self._sleep)
        self.timeline = Timeline(self.app.timezone, timeline_limit, self._names)
        self.watch = Watch(self.app, self.timeline, lambda: self.clock.now, self._refuse)

    def __enter__(self) -> Self:
        if _running:
            raise NestedClusterError("a VirtualCelery is running already: one process has one clock")
        if self._queues:
            raise BadUseError("a cluster runs once: make another VirtualCelery")
        self._thread = threading.get_ident()
        with ExitStack() as undo:
            _running.append(self)
            last[:] = [self]
            undo.callback(_running.clear)
            self._enter(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._undo.close()

    def _enter(self, undo: ExitStack) -> None:
        load(undo, self.app, checks=self._allowed["checks"])
        if self._beats_wanted:
            self._scheduler, self._on_disk = schedulers.choose(self.app, self._scheduler, self._shelves.scheduler())
        tap = self.watch.tap = Tap(self.watch.rejected)
        self.broker: Broker = make_broker(self._transport, tap, self.app)
        self.clock.start()
        undo.callback(self.clock.stop)
        set_stage(undo, self.app, self.broker)
        servers = self._allowed["sockets"]
        self.processes = install_backend(undo, self, self._result_backend, servers=servers)
        schedulers.prepare(undo, self.app, self.redis_server)
        self._guard(undo)
        wrap_tasks(undo, self.app, self)
        if self._on_disk and self._schedule_filename == "schedule":
            folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="beat-"))
            self._schedule_filename = str(Path(folder) / "schedule")
        self._queues = worker_queues(self._workers_wanted, queue_names(self.app))
        for queues in self._queues.values():
            check_queues(self.app, queues)
        self._undo = undo
        undo.callback(self._close)
        self.watch.connect(undo)
        for name in self._queues:
            self._make_worker(name)
        for name in self._beats_wanted:
            self._make_beat(name)

    def _guard(self, undo: ExitStack) -> None:
        guard_eager(undo, self.app, self._refuse)
        guard_signals(undo, self.leave)
        limits.refuse_quorum_queues(self.app)
        limits.refuse_remote_control(undo, self.app, self._refuse)
        if not self._allowed["sockets"]:
            guard_sockets(undo, self._refuse)
        if not self._allowed["threads"]:
            guard_threads(undo, self._refuse)

    def _close(self) -> None:
        with ExitStack() as stack:  # one that fails to stop keeps no other running
            stack.callback(self.workers.clear)
            stack.callback(self.beats.clear)
            for worker in self.workers.values():
                stack.callback(worker.kill)
            for beat in self.beats.values():
                stack.callback(beat.stop)

    def _make_worker(self, name: str) -> None:
        wrap_tasks(self._undo, self.app, self)
        self.processes.forget(name)
        self.workers[name] = Worker(
            self.app,
            name,
            queues=self._queues[name],
            broker=self.broker,
            started=self.clock.ticks,
            watch=self.watch,
        )

    def _make_beat(self, name: str) -> None:
        self.processes.forget(name)
        self.beats[name] = Beat(
            self.app,
            name,
            scheduler=self._scheduler,
            filename=f"{self._schedule_filename}-{name}",
            ticks=self.clock.ticks,
            watch=self.watch,
        )

    def redis_server(self) -> Any:
        """The fakeredis server of the cluster: the broker's, or one for results and schedules alone."""
        if self._server is None:
            self._server = getattr(self.broker, "server", None) or fakeredis.FakeServer()
        return self._server

    def _is_running(self) -> bool:
        return _running == [self]


def make_broker(transport: str, tap: Tap, app: Celery) -> Broker:
    """A broker of its own for one cluster."""
    if transport == "memory":
        from .memory import MemoryBroker

        return MemoryBroker(tap)
    from .fake_redis import RedisBroker

    return RedisBroker(tap, dict(app.conf.broker_transport_options))
