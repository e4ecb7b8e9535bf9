"""Remote control: Celery's own commands and replies, each command in the process of the worker that got it."""

from __future__ import annotations

import functools
from collections import defaultdict, deque
from copy import copy
from typing import TYPE_CHECKING, Any

from celery.exceptions import WorkerShutdown
from celery.worker import control
from kombu import Connection

from .errors import NotSimulatedError
from .leaving import guarded
from .limits import reason
from .patching import swap_attribute, swap_item

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# What a command sets on a task. A process of its own has its own tasks.
SET_ON_TASKS = {"rate_limit": ("rate_limit",), "time_limit": ("time_limit", "soft_time_limit")}

# Of these Celery replies with sets of requests, whose order is that of their addresses.
UNORDERED = ("active", "reserved")


def install(undo: ExitStack, cluster: Any) -> None:
    """Let commands reach the workers, and be in the timeline, until the stack is closed."""
    commands = control.Panel.data
    for name, handler in list(commands.items()):
        swap_item(undo, commands, name, _carried_out(handler, cluster))
    for app in cluster.apps:
        _forget_mailbox(undo, app)
        _record(undo, app, cluster)


def _forget_mailbox(undo: ExitStack, app: Any) -> None:
    # It keeps the producers that it has found, of the app's own broker or of another cluster's.
    mailbox = copy(app.control.mailbox)
    vars(mailbox).pop("producer_pool", None)
    mailbox.unclaimed = defaultdict(deque)
    swap_attribute(undo, app.control, "mailbox", mailbox)


def _record(undo: ExitStack, app: Any, cluster: Any) -> None:
    original = app.control.broadcast

    @functools.wraps(original)
    def broadcast(command: str, arguments: Any = None, *args: Any, **kwargs: Any) -> Any:
        shown = " ".join(f"{name}={value!r}" for name, value in (arguments or {}).items() if value)
        cluster.watch.add("control", by=cluster.watch.actor, detail=f"{command} {shown}".rstrip())
        return original(command, arguments, *args, **kwargs)

    swap_attribute(undo, app.control, "broadcast", broadcast)


def _carried_out(handler: Callable[..., Any], cluster: Any) -> Callable[..., Any]:
    """The command, with what it needs done before or after it here. A failed assert in one of the app's is a test's."""
    name = handler.__name__ if handler.__module__ == control.__name__ else ""
    handle = guarded(handler, cluster.leave)

    @functools.wraps(handler)
    def carry_out(state: Any, *args: Any, **kwargs: Any) -> Any:
        if name in SET_ON_TASKS:
            _own_attributes(cluster, state.app, kwargs.get("task_name"), SET_ON_TASKS[name])
        elif name == "pool_restart" and state.app.conf.worker_pool_restarts:
            cluster._refuse(NotSimulatedError(reason("pool_restart")))
        try:
            found = handle(state, *args, **kwargs)
        except WorkerShutdown as end:
            end.why = f"{name or handler.__name__} by remote control"  # type: ignore[attr-defined] # for the timeline
            raise
        return _told(name, found, state.app)

    return carry_out


def _told(name: str, found: Any, app: Any) -> Any:
    if name in UNORDERED:
        return sorted(found, key=lambda info: (info["time_start"] or 0, info["id"]))
    if name == "stats":
        # Not the fake one, whose class no serializer takes.
        return found | {"broker": Connection(app.conf.broker_read_url).info()}
    return found


def _own_attributes(cluster: Any, app: Any, task_name: Any, names: tuple[str, ...]) -> None:
    task = app.tasks.get(task_name)
    if task is not None:
        for name in names:
            cluster.processes_of(app).own(vars(task), name)
