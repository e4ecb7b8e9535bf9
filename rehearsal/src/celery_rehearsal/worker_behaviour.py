"""Looks at what the seams of a worker do, without one: pool, timer and channel, each in less than a millisecond."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

from billiard.pool import EX_RECYCLE, READY, TASK, ApplyResult
from billiard.pool import Worker as BilliardWorker
from celery.app import autoretry
from celery.concurrency import base as pools
from celery.exceptions import WorkerTerminate
from celery.utils.collections import LimitedSet
from celery.utils.threads import LocalStack
from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]  # its stubs are no part of the project
from kombu.asynchronous import timer
from kombu.utils.scheduling import round_robin_cycle
from kombu.utils.uuid import uuid as kombu_uuid

from .sigkill import kills_without_handlers

__all__ = ["kills_without_handlers"]


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


def stacks_are_per_greenlet() -> bool:
    """Whether Celery keeps a stack per greenlet. It does not where USE_FAST_LOCALS is set."""
    stack: Any = LocalStack()
    stack.push(1)
    other = greenlet(lambda: stack.top)
    return other.switch() is None and getcurrent() in stack._local.__storage__


def channel_sends_one_brpop() -> bool:
    """A Redis channel asks for all steps of all its queues at once, and reads key and message from its client."""
    from kombu.transport import redis

    sent: list[Any] = []
    got: list[Any] = []
    line = SimpleNamespace(send_command=lambda *args: sent.append(args))
    client = SimpleNamespace(connection=line, parse_response=lambda *_args: (b"b", b"{}"))
    channel: Any = object.__new__(redis.Channel)
    channel.priority_steps, channel.brpop_timeout = [0, 3], 1
    vars(channel).update(client=client, connection=SimpleNamespace(_deliver=lambda *args: got.append(args)))
    channel._queue_cycle, channel._active_queues = round_robin_cycle(["a", "b"]), ["a", "b"]
    channel.active_fanout_queues = set()
    channel._brpop_start()
    waits = channel._in_poll is line
    channel._brpop_read()
    keys = ["a", "b", f"a{channel.sep}3", f"b{channel.sep}3"]
    return waits and not channel._in_poll and sent == [("BRPOP", *keys, 1)] and got == [({}, "b")]


def _terminate() -> None:
    raise WorkerTerminate


def _terminates(function: Any) -> bool:
    try:
        function()
    except WorkerTerminate:
        return True
    return False
