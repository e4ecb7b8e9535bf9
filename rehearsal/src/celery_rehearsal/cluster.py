"""`VirtualCelery`: beats, workers and a broker under one clock, driven step by step in one thread."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NoReturn

from . import embedded, extras, limits, remote_control, schedulers, seams, waits
from . import watchdog as watchdogs
from .arguments import aware
from .clock import VirtualClock
from .connections import make_brokers
from .daily import Daily
from .deploys import Deploys
from .errors import BadUseError, NestedClusterError
from .freezes import Freezes
from .guards import guard_eager, guard_threads
from .host import check_zone, forget_zone, set_zone
from .leaving import guard_signals
from .members import Part, parts
from .network import guard_network
from .patching import Undo
from .process import Processes
from .results import install_backend
from .running import RunningTimes
from .settings_table import warn_of_limits, warn_of_settings, warn_of_zone
from .shelves import Shelves
from .stage import guard_calls, load, set_stage, wrap_tasks
from .strands import Strands
from .timeline import Timeline
from .watch import Watch
from .watchdog import PATIENCE
from .worker_options import worker_options
from .worker_state import Mappings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from celery import Celery
    from typing_extensions import Self

    from .beat_program import BeatProgram
    from .broker import Broker
    from .workers import Worker

_running: list[VirtualCelery] = []

# The one started last, running or not: the pytest plugin shows its timeline when the test fails.
last: list[VirtualCelery] = []


def stop_leftover() -> bool:
    """Stop the cluster that somebody forgot; tell whether there was one."""
    left = list(_running)
    for cluster in left:
        cluster.__exit__(None, None, None)
    return bool(left)


class VirtualCelery(Deploys, Daily):
    """A Celery app's beats and workers, in one thread, under a frozen clock that moves on command.

    A context manager that runs once. `start` is an aware datetime. docs/reference.md says what each argument
    is; `watchdog` is in real seconds, `time_limit` and `soft_time_limit` are in virtual ones.

    Raises BadUseError for an argument that makes no sense, NestedClusterError for a second cluster,
    SchedulerImportError for a scheduler that cannot be imported, NotSimulatedError for what the kit cannot do.
    """

    def __init__(
        self,
        app: Celery,
        start: datetime,
        transport: str | None = None,
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
        host_zone: str | None = None,
        pool: str | None = None,
        concurrency: int | None = None,
        max_tasks_per_child: int | None = None,
        time_limit: float | None = None,
        soft_time_limit: float | None = None,
        running_time: Mapping[Any, float | timedelta] | None = None,
        watchdog: float | None = PATIENCE,
        others: Iterable[Celery] | Mapping[Celery, Mapping[str, Any]] = (),
        **options: NoReturn,  # a type checker finds a misspelt argument
    ) -> None:
        limits.refuse_options(options)
        seams.check(any_version=any_version)
        check_zone(host_zone)
        self._parts = parts(Part(app, transport, workers, beats), others)
        self.app: Any = self._parts[0].app
        self._start = aware(start, "start")
        self._options = worker_options(
            self.app,
            pool=pool,
            concurrency=concurrency,
            max_tasks_per_child=max_tasks_per_child,
            time_limit=time_limit,
            soft_time_limit=soft_time_limit,
        )
        self._owner = {name: part for part in self._parts for name in part.beat_names()}
        self._beats_wanted = list(self._owner)
        self._allowed = {"sockets": allow_sockets, "threads": allow_threads, "checks": django_checks}
        self._host_zone = host_zone
        self._freezes = Freezes()
        self._shelves = Shelves()
        self._scheduler = scheduler
        self._schedule_filename = schedule_filename or "schedule"
        self.workers: dict[str, Worker] = {}
        self.beats: dict[str, BeatProgram] = {}
        self._queues: dict[str, list[str]] = {}
        self._every: set[str] = set()
        self._arms: list[tuple[str | None, str, str]] = []
        self._patience = watchdog
        self.running_times = RunningTimes(running_time)
        self._bodies: dict[Any, Any] = {}
        self._result_backend = result_backend
        self._servers: dict[Any, Any] = {}
        self._undo: ExitStack = Undo()
        self._thread = threading.get_ident()
        self.clock = VirtualClock(self._start, seed=seed, sleep=self._sleep)
        self.timeline = Timeline(self.app.timezone, timeline_limit, self._names)
        self.watch = Watch(self.apps, self.timeline, lambda: self.clock.now, self._refuse)
        self.strands = Strands(self.clock, self.watch, self._drive, self._refuse)

    def __enter__(self) -> Self:
        if _running:
            nested = NestedClusterError("a VirtualCelery is running already: one process has one clock")
            # A task can catch it, and would go on.
            _running[0]._refuse(nested)
        if self._queues:
            raise BadUseError("a cluster runs once: make another VirtualCelery")
        embedded.refuse_running()
        self._thread = threading.get_ident()
        with Undo() as undo:
            _running.append(self)
            last[:] = [self]
            undo.callback(_running.clear)
            self._enter(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *_exc: object) -> None:
        self._undo.close()
        if exc_type is None:
            self._raise_what_left()

    def _enter(self, undo: ExitStack) -> None:
        self._freezes.set_aside(undo)
        extras.load_redis(undo)
        self._load(undo)
        self._set_stage(undo)
        self._guard(undo)
        self._start_members(undo)

    def _load(self, undo: ExitStack) -> None:
        for part in self._parts:
            load(undo, part.app, checks=self._allowed["checks"])
            if part.beat_names():
                part.choose_scheduler(self._scheduler, self._shelves.scheduler())
        set_zone(undo, self._host_zone, self._start)
        for app in self.apps:
            forget_zone(undo, app)
        self.timeline.zone = self.app.timezone

    def _set_stage(self, undo: ExitStack) -> None:
        self.watch.publishing = make_brokers(self._parts, self.watch.rejected, self._refuse)
        self.watch.consumes = self.consumes
        self.broker: Broker = self.brokers[0]
        for broker in self.brokers:
            broker.tap.wait = self.strands.wait
        self.clock.start()
        undo.callback(self.clock.stop)
        set_stage(undo, self._parts, self._refuse)
        mappings = Mappings()
        for part in self._parts:
            part.processes = Processes(undo, part.app, part.beats_app, mappings)
            part.locals = install_backend(undo, self, part, self._result_backend, servers=self._allowed["sockets"])
        schedulers.prepare(undo, self.apps, self.redis_server)
        extras.patch_redis(undo, self.named_redis)

    def _guard(self, undo: ExitStack) -> None:
        warn_of_settings(self.app)
        warn_of_limits(self.app, self._options["pool"], self._options)
        for part in self._parts:
            if part.beat_names():
                warn_of_zone(part.app, part.beats_app)
        guard_signals(undo, self.leave_signal, self._in_member)
        self._freezes.refuse(undo, self._refuse)
        for app in self.apps:
            guard_eager(undo, app, self._refuse)
            limits.refuse_quorum_queues(app)
        remote_control.install(undo, self)
        embedded.guard_embedded(undo, self._refuse)
        self._is_ours = guard_threads(undo, self._refuse, in_member=self._in_member, allowed=self._allowed["threads"])
        allowed = self._allowed["sockets"]
        guard_network(undo, self._refuse, ours=self._is_ours, apps=self.apps, allowed=allowed)
        watchdogs.install(undo, self.strands, self._refuse, self._patience)
        waits.install(undo, self.clock, self.strands, self._refuse, threads=self._allowed["threads"])
        for app in self.apps:
            wrap_tasks(undo, app, self)
        self.running_times.attach(undo, self.apps, self.clock, self.strands)
        guard_calls(undo, self)

    def _is_running(self) -> bool:
        return _running == [self]
