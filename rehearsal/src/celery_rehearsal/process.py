"""What belongs to one process: each worker and each beat has its own settings and state, in place while it runs."""

from __future__ import annotations

import re
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from celery import _state
from celery.app import trace
from celery.worker import state
from kombu.common import Broadcast
from kombu.utils.uuid import uuid

from .containers import own_maps
from .logs import Logs
from .worker_state import LIMITED_SETS, weak_sets

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from contextlib import ExitStack

    from .worker_state import Mappings

    # A name that belongs to a process: where it is, and what a new process has there.
    Slot = tuple[MutableMapping[str, Any], str, Callable[[], Any]]

_MISSING = object()

# The end of a name that kombu drew.
DRAWN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


class Process:
    """One process. While another runs, `values` are what it left in the slots.

    `requests` are what a worker left in the mappings of `celery.worker.state`.
    """

    def __init__(self, values: list[Any], *, worker: bool = False) -> None:
        self.values = values
        self.worker = worker
        self.requests: dict[str, Any] = {}


class Processes:
    """The processes of a cluster. The test is one too: a producer, with the settings that the code has made.

    `started` counts the others, `logs` is the logging that all of them share.
    """

    def __init__(self, undo: ExitStack, app: Any, beats_app: Any, mappings: Mappings) -> None:
        self._app = app
        self._beats_app = beats_app
        self._mappings = mappings
        self.logs = Logs(undo, app)
        self.started = 0
        self._conf = app.conf
        self._slots = _slots(app)
        self.test = self.current = Process([])
        self._all = WeakSet([self.test])
        # What the code has added to the queues of the settings; a queue that a later message names is not among them.
        self._queues: dict[str, Any] = dict(app.amqp.queues)

    def new(self, *, worker: bool) -> Process:
        """Start a process. It begins with the settings of the test at this instant, and with nothing else."""
        self.started += 1
        with self.active(self.test):
            maps = own_maps(self._app.conf, renamed)
            process = Process([new() for _owner, _name, new in self._slots], worker=worker)
            self._all.add(process)
        with self.active(process):
            if self._app.conf is not self._conf:
                # The test has replaced its settings since the start. The process has its own.
                self._app.conf = _twin(self._app.conf)
            # Who hears of an update: the process's own AMQP object alone, which makes its router again.
            vars(self._app.conf).update(changes=maps[0], defaults=maps[1:], maps=maps, _observers=[])
            vars(_state)["_task_join_will_block"] = worker
            if not worker:
                vars(vars(_state)["_tls"])["current_app"] = self._beats_app
            queues = self._app.amqp.queues
            for name, queue in self._queues.items():
                if name not in queues and queue.alias not in queues.aliases:
                    queues.add(renamed(queue))
        return process

    def queue_names(self, names: list[str]) -> list[str]:
        """Return what queues of the test are called in every process: a Broadcast queue has its alias in common."""
        queues: dict[str, Any] = self._queues
        aliases = {name: queue.alias for name, queue in queues.items() if name != renamed(queue).name}
        return list(dict.fromkeys(aliases.get(name) or name for name in names))

    def active(self, process: Process) -> Active:
        """While entered, Celery's state is that of the process."""
        return Active(self, process)

    def switch(self, process: Process) -> Process:
        """Put the state of a process in place; return the one that ran before."""
        before = self.current
        if process is not before:
            before.values = [owner.get(name, _MISSING) for owner, name, _new in self._slots]
            for (owner, name, _new), value in zip(self._slots, process.values, strict=True):
                if value is _MISSING:
                    owner.pop(name, None)
                else:
                    owner[name] = value
            self.current = process
        return before

    def own(self, owner: MutableMapping[str, Any], name: str) -> None:
        """Let each process have a value of its own under a name from now on; what is there is the code's."""
        if not any(owner is known and name == other for known, other, _new in self._slots):
            value = owner.get(name, _MISSING)
            self._slots.append((owner, name, lambda: value))
            for process in self._all:
                process.values.append(value)

    def run(self, process: Process | None) -> Process | None:
        """Let a worker find its own requests; return which worker ran before, of whatever app."""
        return self._mappings.run(process if process and process.worker else None)


class Active:
    """A context manager. It can be left and entered again, where a process waits while others run."""

    def __init__(self, processes: Processes, process: Process) -> None:
        self._processes = processes
        self._process = process

    def __enter__(self) -> None:
        self._before = self._processes.switch(self._process)
        self._ran = self._processes.run(self._process)

    def __exit__(self, *_exc: object) -> None:
        self._processes.switch(self._before)
        self._processes.run(self._ran)


def current_in_beat(app: Any) -> Any:
    """Return the app that is current where `celery beat` runs this one; None for Celery's default app.

    A worker makes its app the current one, beat does not. An app made with set_as_current=False leaves it to the one
    that is current here, as its modules do in production.
    """
    state = vars(_state)
    return app if app.set_as_current else state["_tls"].current_app or state["default_app"]


def renamed(value: Any) -> Any:
    """Return a Broadcast queue under the name that another process gives it; anything else as it is.

    kombu draws the name when the queue is made, at import. Each process imports the code for itself.
    """
    drawn = DRAWN.search(value.name or "") if isinstance(value, Broadcast) else None
    if drawn is None:
        return value
    twin = copy(value)
    twin.name = twin.queue = value.name[: drawn.start()] + uuid()
    return twin


def _twin(conf: Any) -> Any:
    twin = object.__new__(type(conf))
    vars(twin).update(vars(conf))
    return twin


def _slots(app: Any) -> list[Slot]:
    conf = vars(app.conf)
    # What a process has made of its settings, and where it would replace them as a whole.
    made = [(vars(app), name, lambda: _MISSING) for name in ("amqp", "annotations", "timezone")]
    replaced = [(vars(app), name) for name in ("_conf", "_config_source", "namespace")]
    replaced += [(vars(app.loader), "_conf"), *((conf, name) for name in ("changes", "defaults", "maps"))]
    limited = [vars(getattr(state, name)) for name in LIMITED_SETS]
    return [
        *made,
        *((owner, name, partial(owner.get, name, _MISSING)) for owner, name in replaced),
        # Each AMQP object adds itself, and settings keep it.
        (conf, "_observers", list),
        (vars(trace), "_localized", list),
        (vars(_state), "_task_join_will_block", bool),
        # Shared tasks send themselves by the current app.
        (vars(vars(_state)["_tls"]), "current_app", lambda: app),
        *((vars(state), name, lambda: None) for name in ("should_stop", "should_terminate")),
        *((owner, "_data", dict) for owner in limited),
        *((owner, "_heap", list) for owner in limited),
        *((vars(owner), "data", set) for owner in weak_sets()),
    ]
