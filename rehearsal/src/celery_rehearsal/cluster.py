"""`VirtualCelery`: beats, workers and a broker under one clock, driven step by step in one thread."""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from . import limits, seams
from .arguments import aware
from .assertions import Assertions
from .beats import Beat, Shelves
from .clock import VirtualClock
from .connections import make_brokers
from .errors import BadUseError, NestedClusterError
from .faults import Faults
from .guards import guard_eager, guard_threads
from .leaving import guard_entries, guard_signals
from .members import Part, parts
from .network import guard_network
from .stage import load, set_stage, wrap_tasks
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
    number, names, or names with their queues; `beats` a number or names; either may be 0. A worker without queues
    consumes what one without `-Q` does; one with "*" for its queues consumes each that the app declares or sends a
    task to. `others` are further apps that publish, or a mapping of them to their own `workers`, `beats` and
    `transport`; apps whose broker URLs are equal share a broker. `seed` decides task ids and jitter. `scheduler` is
    a beat scheduler class or its path; without it Celery's PersistentScheduler runs with its file in memory.
    `timeline_limit` caps the timeline. `allow_sockets` and `allow_threads` let code under virtual time have what is
    refused otherwise, but for sockets to a broker; `any_version` tries a Celery that is not supported.
    `django_checks` runs Django's system checks at the start, as a real worker does.

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
        any_version: bool = False,
        django_checks: bool = False,
        others: Iterable[Celery] | Mapping[Celery, Mapping[str, Any]] = (),
        **options: Any,
    ) -> None:
        limits.refuse_options(options)
        seams.check(any_version=any_version)
        self._parts = parts(Part(app, transport, workers, beats), others)
        self.app: Any = self._parts[0].app
        self._start = aware(start, "start")
        self._owner = {name: part for part in self._parts for name in part.beat_names()}
        self._beats_wanted = list(self._owner)
        self._allowed = {"sockets": allow_sockets, "threads": allow_threads, "checks": django_checks}
        self._shelves = Shelves()
        self._scheduler = scheduler or self._shelves.scheduler()
        self._on_disk = scheduler is not None
        self._schedule_filename = schedule_filename or "schedule"
        self.workers: dict[str, Worker] = {}
        self.beats: dict[str, Beat] = {}
        self._queues: dict[str, list[str]] = {}
        self._every: set[str] = set()
        self._current: Worker | None = None
        self._asleep: list[str] = []
        self._arms: list[tuple[str | None, str, str]] = []
        self._undo = ExitStack()
        self._thread = threading.get_ident()
        self.clock = VirtualClock(self._start, seed=seed, sleep=self._sleep)
        self.timeline = Timeline(self.app.timezone, timeline_limit, self._names)
        self.watch = Watch(self.apps, self.timeline, lambda: self.clock.now, self._refuse)

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

    def __exit__(self, exc_type: type[BaseException] | None, *_exc: object) -> None:
        self._undo.close()
        if exc_type is None:
            self._raise_what_left()

    def _enter(self, undo: ExitStack) -> None:
        for app in self.apps:
            load(undo, app, checks=self._allowed["checks"])
        self.watch.publishing = make_brokers(self._parts, self.watch.rejected)
        self.watch.consumes = self.consumes
        self.broker: Broker = self.brokers[0]
        self.clock.start()
        undo.callback(self.clock.stop)
        set_stage(undo, self._parts, self._refuse)
        self._guard(undo)
        for app in self.apps:
            wrap_tasks(undo, app, self)
        if self._on_disk and self._schedule_filename == "schedule":
            folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="beat-"))
            self._schedule_filename = str(Path(folder) / "schedule")
        self._enlist()
        self._undo = undo
        undo.callback(self._close)
        self.watch.connect(undo)
        for name in self._queues:
            self._make_worker(name)
        for name in self._beats_wanted:
            self._make_beat(name)

    def _guard(self, undo: ExitStack) -> None:
        guard_signals(undo, self.leave_signal, self._in_member)
        for app in self.apps:
            guard_eager(undo, app, self._refuse)
            limits.refuse_quorum_queues(app)
            limits.refuse_remote_control(undo, app, self._refuse)
        self._is_ours = guard_threads(undo, self._refuse, in_member=self._in_member, allowed=self._allowed["threads"])
        allowed = self._allowed["sockets"]
        guard_network(undo, self._refuse, ours=self._is_ours, apps=self.apps, allowed=allowed)

    def _close(self) -> None:
        with ExitStack() as stack:  # one that fails to stop keeps no other running
            stack.callback(self.workers.clear)
            stack.callback(self.beats.clear)
            for worker in self.workers.values():
                stack.callback(worker.kill)
            for beat in self.beats.values():
                stack.callback(beat.stop)

    def _make_worker(self, name: str) -> None:
        part = self._owner[name]
        wrap_tasks(self._undo, part.app, self)
        self.workers[name] = Worker(
            part.app,
            name,
            queues=self._queues[name],
            broker=part.broker,
            started=self.clock.ticks,
            watch=self.watch,
        )

    def _make_beat(self, name: str) -> None:
        self.beats[name] = Beat(
            self._owner[name].app,
            name,
            scheduler=self._scheduler,
            filename=f"{self._schedule_filename}-{name}",
            ticks=self.clock.ticks,
            watch=self.watch,
        )
        guard_entries(self._undo, self.beats[name].scheduler, self.leave)

    def _is_running(self) -> bool:
        return _running == [self]
