"""Looks at what a seam does, for those that can be tried without a worker in less than a millisecond each."""

from __future__ import annotations

import sys
import uuid
from types import SimpleNamespace
from typing import Any

from billiard.pool import EX_RECYCLE, READY, TASK, ApplyResult
from billiard.pool import Worker as BilliardWorker
from celery import Celery, _state
from celery.app import autoretry
from celery.app.utils import Settings
from celery.concurrency import base as pools
from celery.exceptions import WorkerTerminate
from celery.loaders.base import BaseLoader
from celery.schedules import schedule
from celery.utils.collections import LimitedSet
from celery.utils.dispatch import Signal
from celery.utils.time import timezone
from kombu.asynchronous import timer
from kombu.transport import redis
from kombu.utils.scheduling import round_robin_cycle
from kombu.utils.uuid import uuid as kombu_uuid

from .sigkill import kills_without_handlers
from .strands import stacks_are_per_greenlet

__all__ = ["kills_without_handlers", "stacks_are_per_greenlet"]


def settings_prefer_the_first_name() -> bool:
    """A change under the first name that the look-up asks for wins over the app's settings."""
    theirs = {"NS_TASK_ALWAYS_EAGER": True, "task_always_eager": True}
    conf: Any = Settings({"task_always_eager": True}, [theirs], (), "NS")
    conf.update({conf._to_keys("task_always_eager")[0]: False})
    return conf.task_always_eager is False and conf.maps[1] is theirs


def settings_are_their_mappings() -> bool:
    """Settings that get other mappings read and write those, and no longer the first ones."""
    first: dict[str, Any] = {}
    conf: Any = Settings(first, [{"task_routes": "first"}])
    maps: list[dict[str, Any]] = [{}, {"task_routes": "other"}]
    vars(conf).update(changes=maps[0], defaults=maps[1:], maps=maps)
    conf.mine = 3
    return conf.task_routes == "other" and maps[0] == {"mine": 3} and "mine" not in first


def app_connects_by_its_attribute() -> bool:
    """An app's connections, to read and to write, come from the attribute that the kit swaps."""
    app = _app()
    app._connection = lambda *_args, **_kwargs: "ours"
    return bool(app.connection_for_read() == app.connection_for_write() == "ours")


def queues_consumed_are_those_declared() -> bool:
    """A worker without queues of its own consumes what the app declares, or else the default queue."""
    app = _app()
    default = list(app.amqp.queues.consume_from)
    declared = app.amqp.Queues({"one": {}, "two": {}})
    return default == [app.conf.task_default_queue] and list(declared.consume_from) == ["one", "two"]


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


def zones_are_remembered_by_name() -> bool:
    """Celery keeps the host's zone, and an app and a schedule keep theirs, where the kit makes them forget it."""
    app, zones, entry = _app(), type(timezone)(), schedule(1)
    app.conf.update(timezone="Asia/Kolkata")
    entry.app = app
    zone = entry.tz
    if vars(entry).pop("tz") is not zone or vars(app).pop("timezone") is not zone:
        return False
    if "tzlocal" in sys.modules and "_cache_tz" not in sys.modules["tzlocal"].get_localzone.__globals__:
        return False
    return zones.local is vars(zones).pop("local")


def jobs_call_back() -> bool:
    """billiard's job tells when it is accepted and when it has ended, and forgets itself."""
    heard: list[Any] = []
    cache: dict[int, Any] = {}
    job: Any = ApplyResult(cache, heard.append, lambda pid, _at: heard.append(pid), None, heard.append)
    job._ack(None, 1.0, 7, None)
    job._set(None, (True, "done"))
    return heard == [7, "done"] and not cache


def child_tells_of_its_job() -> bool:
    """billiard's loop of a child takes a job, tells what has come of it, and returns after the last."""
    told: list[Any] = []
    child: Any = object.__new__(BilliardWorker)
    pipes = {"outq": SimpleNamespace(put=told.append), "inqW_fd": None, "synqW_fd": None, "wait_for_syn": None}
    vars(child).update(pipes, wait_for_job=lambda: (TASK, (1, 0, int, ("7",), {})))
    vars(child).update(maxtasks=1, max_memory_per_child=0, on_ready_counter=None)
    return bool(child.workloop(pid=1) == EX_RECYCLE and told[-1] == (READY, (1, 0, (True, 7), None)))


def channel_sends_one_brpop() -> bool:
    """A Redis channel asks for all steps of all its queues at once, and reads key and message from its client."""
    sent: list[Any] = []
    got: list[Any] = []
    line = SimpleNamespace(send_command=lambda *args: sent.append(args))
    client = SimpleNamespace(connection=line, parse_response=lambda *_args: (b"b", b"{}"))
    channel: Any = object.__new__(redis.Channel)
    channel.priority_steps, channel.brpop_timeout = [0, 3], 1
    vars(channel).update(client=client, connection=SimpleNamespace(_deliver=lambda *args: got.append(args)))
    channel._queue_cycle, channel._active_queues, channel.active_fanout_queues = (
        round_robin_cycle(["a", "b"]),
        ["a", "b"],
        set(),
    )
    channel._brpop_start()
    waits = channel._in_poll is line
    channel._brpop_read()
    keys = ["a", "b", f"a{channel.sep}3", f"b{channel.sep}3"]
    return waits and not channel._in_poll and sent == [("BRPOP", *keys, 1)] and got == [({}, "b")]


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
