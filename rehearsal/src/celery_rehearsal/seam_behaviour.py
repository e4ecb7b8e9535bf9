"""Looks at what a seam does, for those that can be tried without a worker in less than a millisecond each."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

from celery import Celery, _state
from celery.app import autoretry
from celery.app.utils import Settings
from celery.concurrency import base as pools
from celery.exceptions import WorkerTerminate
from celery.loaders.base import BaseLoader
from celery.utils.collections import LimitedSet
from celery.utils.dispatch import Signal
from kombu.asynchronous import timer
from kombu.utils.uuid import uuid as kombu_uuid


def settings_prefer_the_first_name() -> bool:
    """A change under the first name that the look-up asks for wins over the app's settings."""
    theirs = {"NS_TASK_ALWAYS_EAGER": True, "task_always_eager": True}
    conf: Any = Settings({"task_always_eager": True}, [theirs], (), "NS")
    conf.update({conf._to_keys("task_always_eager")[0]: False})
    return conf.task_always_eager is False and conf.maps[1] is theirs


def app_connects_by_its_attribute() -> bool:
    """An app's connections, to read and to write, come from the attribute that the kit swaps."""
    app = _app()
    app._connection = lambda *_args, **_kwargs: "ours"
    return bool(app.connection_for_read() == app.connection_for_write() == "ours")


def app_reads_its_thread_local() -> bool:
    """An app's backend and the name of its reply queue are attributes of its thread-local."""
    app = _app()
    app._local = SimpleNamespace(backend="ours", oid="our queue")
    app._backend_cache = None
    return bool(app.backend == "ours" and app.thread_oid == "our queue")


def remote_control_is_broadcast() -> bool:
    """A remote control command goes through `broadcast`."""
    app = _app()
    app.control.broadcast = lambda command, *_args, **_kwargs: command
    return bool(app.control.revoke("id") == "revoke")


def current_app_is_put_back() -> bool:
    """The current app, and whether waiting for results blocks, are what they were set to."""
    state: Any = _state
    before, blocks = state._tls.current_app, state.task_join_will_block()
    app: Any = object()
    try:
        state._set_current_app(app)
        state._set_task_join_will_block(not blocks)
        return state.get_current_app() is app and state.task_join_will_block() is not blocks
    finally:
        state._set_current_app(before)
        state._set_task_join_will_block(blocks)


def loader_loads_once() -> bool:
    """A loader that has loaded does not import the app's modules again."""
    loads: list[int] = []
    loader: Any = BaseLoader(_app())
    loader.import_default_modules = lambda: loads.append(1)
    loader.init_worker()
    loader.init_worker()
    return len(loads) == 1


def signal_asks_its_receivers() -> bool:
    """A signal reaches those whom `receivers` lists when it is sent, and no other."""
    signal: Any = Signal()
    heard: list[int] = []
    signal.connect(lambda **_kwargs: heard.append(1), weak=False)
    signal.send(sender=None)
    kept, signal.receivers = signal.receivers, []
    signal.send(sender=None)
    return len(kept) == len(heard) == 1


def limited_set_is_its_attributes() -> bool:
    """A LimitedSet that gets another's attributes holds what that one holds."""
    one, other = LimitedSet(maxlen=2), LimitedSet(maxlen=2)
    one.add("id")
    vars(other).update(vars(one))
    vars(one).update(vars(LimitedSet(maxlen=2)))
    return "id" in other and "id" not in one


def timer_orders_by_instant() -> bool:
    """A timer hands out the earlier entry first, and one that is cancelled says so."""
    queue: Any = timer.Timer()
    late, early = timer.Entry(print), timer.Entry(print)
    queue._enter(2.0, 0, late)
    queue._enter(1.0, 0, early)
    early.cancel()
    return queue._queue[0].entry is early and queue._queue[0].eta == 1.0 and early.canceled and not late.canceled


def uuid_calls_its_default() -> bool:
    """kombu's ids come from the function that is their default argument."""
    ids: Any = kombu_uuid
    return bool(ids.__defaults__ == (uuid.uuid4,) and ids(lambda: 7) == "7")


def autoretry_calls_orig_run() -> bool:
    """With autoretry a task's `run` calls whatever `_orig_run` is by then, and a WorkerTerminate passes it."""
    task: Any = SimpleNamespace(run=lambda: 0)
    autoretry.add_autoretry_behaviour(task, autoretry_for=(Exception,))
    task._orig_run = _terminate
    return _terminates(task.run)


def pool_lets_terminate_through() -> bool:
    """A WorkerTerminate leaves the pool's call of a task."""
    return _terminates(lambda: pools.apply_target(_terminate, callback=lambda *_args: None))


def _app() -> Any:
    return Celery("seams", broker="memory://", set_as_current=False, fixups=[])


def _terminate() -> None:
    raise WorkerTerminate


def _terminates(function: Any) -> bool:
    try:
        function()
    except WorkerTerminate:
        return True
    return False
