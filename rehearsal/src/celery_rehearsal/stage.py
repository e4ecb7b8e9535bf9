"""The app on stage: its transport, results and module state swapped for the run, and put back after it."""

from __future__ import annotations

import functools
import os
import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from celery import Task, _state, beat
from celery.app import trace
from celery.exceptions import ImproperlyConfigured
from celery.fixups import django as django_fixups
from celery.worker import state
from celery.worker.consumer import consumer

from .beats import entry_order
from .connections import swap_connections
from .containers import keep_settings
from .errors import BadUseError
from .leaving import METHODS, guard_methods, guarded
from .patching import keep_attribute, swap_attribute, swap_contents, swap_item, swap_unless_patched
from .program import become_worker, forget_receivers
from .settings import check_eager, write_settings
from .worker_state import DICTS, LIMITED_SETS, weak_sets

if TYPE_CHECKING:
    from collections.abc import Callable

    from .connections import Refuse
    from .members import Part

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


def set_stage(undo: ExitStack, parts: list[Part], refuse: Refuse) -> None:
    """Point each app at its broker, and make every change that the stack can take back. The first is the current."""
    for part in parts:
        for name in ("_conf", "_config_source", "namespace"):
            swap_attribute(undo, part.app, name, getattr(part.app, name))
        swap_attribute(undo, part.app.loader, "_conf", part.app.loader._conf)
        keep_settings(undo, part.app.conf)
        write_settings(undo, part.app)
        become_worker(undo, part.app)
        _swap_queues(undo, part.app)
    _swap_current_app(undo, parts[0].app)
    forget_receivers(undo)
    swap_connections(undo, parts, refuse)
    _swap_worker_state(undo)
    # A worker that stops sets it. One that is killed while it stops never sets it back.
    undo.callback(socket.setdefaulttimeout, socket.getdefaulttimeout())
    swap_attribute(undo, beat.ScheduleEntry, "__lt__", entry_order)
    # A child of a real worker looks it up as it starts, and so finds what Sentry's integration has put there.
    swap_attribute(undo, consumer, "build_tracer", trace.build_tracer)


def wrap_tasks(undo: ExitStack, app: Any, cluster: Any) -> None:
    """Let what is meant for the test leave a task, past autoretry and trace; let workers die in it.

    Each start of a worker calls this, because tasks can have been defined since the last one.
    """
    for task in app.tasks.values():
        if getattr(vars(task).get("run"), "cluster", None) is cluster:
            continue
        _keep_attributes(undo, task)
        # With autoretry, `run` is Celery's wrapper and calls `_orig_run`. A test can patch `run` alone.
        for name in ("run", "_orig_run"):
            if hasattr(task, name):
                swap_unless_patched(undo, task, name, _wrapped(task, name, cluster))
        guard_methods(undo, task, cluster.leave)


def replace_body(undo: ExitStack, task: Any, name: str, body: Any, cluster: Any) -> None:
    """Let a task run another body, with the same care as its own."""
    swap_unless_patched(undo, task, name, body)
    swap_unless_patched(undo, task, name, _wrapped(task, name, cluster))


def check_queues(app: Any, names: list[str]) -> None:
    """Raise BadUseError for a queue that the app's settings forbid."""
    for name in names:
        try:
            app.amqp.queues[name]
        except (KeyError, ImproperlyConfigured) as error:
            raise BadUseError(f"no queue {name!r}: task_create_missing_queues is off; add it to task_queues") from error


def _wrapped(task: Any, name: str, cluster: Any) -> Callable[..., Any]:
    original = getattr(task, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        cluster.reach(task.name, "start")
        # Celery binds `run` when a worker starts; a test can have patched it since then.
        run = getattr(task, name)
        cluster.running_times.begin(task)
        try:
            result = guarded(original if run is wrapped else run, cluster.leave)(*args, **kwargs)
        except Exception:
            cluster.running_times.end(task)
            raise
        cluster.running_times.end(task)
        check_eager(task.app)
        cluster.reach(task.name, "end")
        return None if _is_mock(result) else result

    wrapped.cluster = cluster  # type: ignore[attr-defined]  # a mark: wrapped already
    return wrapped


def guard_calls(undo: ExitStack, cluster: Any) -> None:
    """Guard the call of a task whose `run` a test has patched since a worker started: Celery asks for it then."""
    original: Any = Task.__call__

    def call(task: Any, /, *args: Any, **kwargs: Any) -> Any:
        patched = vars(task).get("run")
        if cluster.watch.actor == "test" or patched is None or getattr(patched, "cluster", None) is cluster:
            return original(task, *args, **kwargs)
        return _wrapped(task, "run", cluster)(*args, **kwargs)

    swap_attribute(undo, Task, "__call__", call)


def _keep_attributes(undo: ExitStack, task: Any) -> None:
    # A rate limit, say. What a test can have patched is put back by the patch, if it outlives the cluster.
    patched = {"run", "_orig_run", *METHODS}
    before = {name: value for name, value in vars(task).items() if name not in patched}

    def restore() -> None:
        for name in [name for name in vars(task) if name not in before and name not in patched]:
            delattr(task, name)
        vars(task).update(before)

    undo.callback(restore)
    # Each task has a class of its own, and Sentry's integration wraps its method.
    keep_attribute(undo, type(task), "__call__")


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
    swap_attribute(undo, globals_, "default_app", globals_.default_app)
    undo.callback(globals_._set_current_app, globals_._tls.current_app)
    undo.callback(globals_._set_task_join_will_block, globals_.task_join_will_block())
    app.set_current()


def _swap_queues(undo: ExitStack, app: Any) -> None:
    queues = app.amqp.queues
    swap_contents(undo, queues)
    swap_contents(undo, queues.aliases)
    swap_attribute(undo, queues, "_consume_from", queues._consume_from)
    if hasattr(queues, "_default_consume_from"):  # from 5.7
        swap_contents(undo, queues._default_consume_from)


def _swap_worker_state(undo: ExitStack) -> None:
    for name in DICTS:
        swap_contents(undo, getattr(state, name))
    for name in LIMITED_SETS:
        swap_contents(undo, vars(getattr(state, name)))
    swap_attribute(undo, state, "should_stop", None)
    swap_attribute(undo, state, "should_terminate", None)
    undo.callback(state.all_total_count.__setitem__, slice(None), list(state.all_total_count))
    for requests in weak_sets():
        undo.callback(requests.clear)
