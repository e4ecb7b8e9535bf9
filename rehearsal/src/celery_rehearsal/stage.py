"""The app on stage: its transport, results and module state swapped for the run, and put back after it."""

from __future__ import annotations

import functools
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from celery import _state, beat
from celery.exceptions import ImproperlyConfigured
from celery.fixups import django as django_fixups
from celery.worker import state
from kombu import pools

from .beats import entry_order
from .errors import BadUseError, RealWorldError
from .leaving import guard_methods, guarded
from .patching import swap_attribute, swap_contents, swap_item, swap_unless_patched
from .settings import write_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from .broker import Broker

# Where this is set, Celery's Django fixup does not run Django's system checks.
SKIP_CHECKS = "CELERY_SKIP_CHECKS"


def load(undo: ExitStack, app: Any, *, checks: bool) -> None:
    """Import the app's tasks, before the clock is frozen, so that nothing is imported under it."""
    fixups: Any = django_fixups  # celery-types leaves most of it out
    swap_attribute(undo, fixups.DjangoWorkerFixup, "django_setup", _set_up_django)
    swap_attribute(undo, app.loader, "worker_initialized", False)
    # What a real worker and a real beat begin with; the cluster's find it done.
    with ExitStack() as loading:
        if not checks:
            # Celery's own switch. Checks take most of a start in a large project, and some read the database.
            swap_item(loading, os.environ, SKIP_CHECKS, "1")
        app.loader.init_worker()
    app.finalize()
    # The settings are read when first asked for; until then there is no dict to put back.
    app.conf.get("timezone")


def set_stage(undo: ExitStack, app: Any, broker: Broker) -> None:
    """Point the app at the broker, and make every change that the stack can take back."""
    write_settings(undo, app)
    _swap_current_app(undo, app)
    _swap_connections(undo, app, broker)
    _swap_queues(undo, app)
    _swap_worker_state(undo)
    swap_attribute(undo, beat.ScheduleEntry, "__lt__", entry_order)


def wrap_tasks(undo: ExitStack, app: Any, cluster: Any) -> None:
    """Let what is meant for the test leave a task, past autoretry and trace; let workers die in it.

    Each start of a worker calls this, because tasks can have been defined since the last one.
    """
    for task in app.tasks.values():
        if getattr(vars(task).get("run"), "cluster", None) is cluster:
            continue
        cluster.clock.patch_sleep_of(getattr(task.run, "__wrapped__", task.run))
        # With autoretry, `run` is Celery's wrapper and calls `_orig_run`. A test can patch `run` alone.
        for name in ("run", "_orig_run"):
            if hasattr(task, name):
                swap_unless_patched(undo, task, name, _wrapped(task, name, cluster))
        guard_methods(undo, task, cluster.leave)
        swap_attribute(undo, task, "__trace__", task.__trace__)


def queue_names(app: Any) -> list[str]:
    """Every queue that the app names: task_queues, task_routes, tasks' and beat entries' own."""
    names: dict[Any, None] = dict.fromkeys(app.amqp.queues)
    routes = app.conf.task_routes or ()
    for route in routes if isinstance(routes, list | tuple) else (routes,):
        for target in route.values() if isinstance(route, dict) else ():
            queue = target.get("queue") if isinstance(target, dict) else target
            names.setdefault(getattr(queue, "name", queue))
    for task in app.tasks.values():
        names.setdefault(getattr(task, "queue", None))
    for entry in app.conf.beat_schedule.values():
        names.setdefault(entry.get("options", {}).get("queue"))
    return [name for name in names if isinstance(name, str)]


def check_queues(app: Any, names: list[str]) -> None:
    """Raise BadUseError for a queue that the app's settings forbid."""
    for name in names:
        try:
            app.amqp.queues[name]
        except (KeyError, ImproperlyConfigured) as error:
            raise BadUseError(f"no queue {name!r}: task_create_missing_queues is off") from error


def _wrapped(task: Any, name: str, cluster: Any) -> Callable[..., Any]:
    original = getattr(task, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        cluster.reach(task.name, "start")
        # Celery binds `run` when a worker starts; a test can have patched it since then.
        run = getattr(task, name)
        result = guarded(original if run is wrapped else run, cluster.leave)(*args, **kwargs)
        cluster.reach(task.name, "end")
        return None if _is_mock(result) else result

    wrapped.cluster = cluster  # type: ignore[attr-defined]  # a mark: wrapped already
    return wrapped


def _is_mock(result: Any) -> bool:
    # A patch without a return value returns a mock, which no serializer takes.
    mock = sys.modules.get("unittest.mock")
    return mock is not None and isinstance(result, mock.NonCallableMock)


def _set_up_django(_fixup: Any) -> None:
    import django
    from django.apps import apps

    # A worker is a process in which Django is not set up yet. In this one it is, and all that a second time would
    # do is to configure logging again: handlers that were added since, pytest's own among them, would be gone.
    if not apps.ready:
        django.setup()


def _swap_current_app(undo: ExitStack, app: Any) -> None:
    globals_: Any = _state
    undo.callback(globals_._set_current_app, globals_._tls.current_app)
    undo.callback(globals_._set_task_join_will_block, globals_.task_join_will_block())
    app.set_current()


def _swap_connections(undo: ExitStack, app: Any, broker: Broker) -> None:
    original = app._connection

    def connection(url: Any = None, **kwargs: Any) -> Any:
        if url not in {None, app.conf.broker_read_url, app.conf.broker_write_url}:
            raise RealWorldError(f"a connection to {url!r} was asked for; under virtual time the broker is fake")
        options = {"transport": broker.transport, "ssl": False, "userid": None, "password": None}
        return original("virtual", **(kwargs | options))

    swap_attribute(undo, app, "_connection", connection)
    # kombu keeps every pool it ever made, and with it all that the cluster was.
    swap_contents(undo, pools.connections)
    swap_contents(undo, pools.producers)
    # A pool made before holds connections to the app's own broker, and is handed back untouched.
    swap_attribute(undo, app, "_pool", None)
    swap_attribute(undo, app.amqp, "_producer_pool", None)
    undo.callback(lambda: app._pool and app._pool.force_close_all())


def _swap_queues(undo: ExitStack, app: Any) -> None:
    queues = app.amqp.queues
    swap_contents(undo, queues)
    swap_contents(undo, queues.aliases)
    swap_attribute(undo, queues, "_consume_from", queues._consume_from)


def _swap_worker_state(undo: ExitStack) -> None:
    for name in ("requests", "total_count"):
        swap_contents(undo, getattr(state, name))
    for name in ("revoked", "successful_requests"):
        swap_contents(undo, vars(getattr(state, name)))
    swap_attribute(undo, state, "should_stop", None)
    swap_attribute(undo, state, "should_terminate", None)
    undo.callback(state.all_total_count.__setitem__, slice(None), list(state.all_total_count))
    for name in ("reserved_requests", "active_requests"):
        undo.callback(getattr(state, name).clear)
