"""Waiting for a result: where Celery waits for a socket, the cluster goes on until the result is there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import pending
from .clock import MICROSECONDS
from .errors import NeverIdleError

if TYPE_CHECKING:
    from collections.abc import Callable

# In microseconds. A beat or a worker is due in whole milliseconds.
MILLISECOND = 1_000

# In microseconds: how long beat alone can keep a caller waiting, as in `run_until_idle`.
PATIENCE = 86_400 * MICROSECONDS

# Seconds between two polls, as in Celery.
INTERVAL = 0.5

HOPELESS = (
    "get() waits for a result, and no worker has a task left that could bring it; where one is still to come, "
    "get(timeout=...) waits that long"
)

# How results are waited for: by polls, by polls for a group, and by reading what a server pushes.
WAITS = (("wait_for", None), ("get_many", None), ("drain_events_until", "result_consumer"))


def end_hopeless(backend: Any, cluster: Any) -> None:
    """Let a wait without a timeout end where no task is left that could bring the result.

    It raises NeverIdleError: at once, or after a day in which beat alone did anything.
    """
    for name, part in WAITS:
        owner = getattr(backend, part, None) if part else backend
        if hasattr(owner, name):
            setattr(owner, name, _ending(getattr(owner, name), cluster))


def _ending(real: Callable[..., Any], cluster: Any) -> Callable[..., Any]:
    def wait(what: Any, timeout: float | None = None, *args: Any, on_interval: Any = None, **kwargs: Any) -> Any:
        hopeless_since: list[int] = []
        interval = kwargs.get("interval") or INTERVAL

        def look() -> None:
            if on_interval:
                on_interval()
            if timeout is None and cluster.watch.actor == "test" and _is_hopeless(cluster):
                hopeless_since.append(cluster.clock.ticks)
                following, waited = cluster._next_ticks(), cluster.clock.ticks - hopeless_since[0]
                # Not at the first look: what was pushed at this very instant can still be unread.
                if waited > (0 if following is None else PATIENCE):
                    raise NeverIdleError("\n".join([HOPELESS, *pending.lines(cluster.pending())]))
                if waited and following is not None:
                    # No poll before that can find anything.
                    time.sleep((following - cluster.clock.ticks) / MICROSECONDS // interval * interval)

        return real(what, timeout, *args, on_interval=look, **kwargs)

    return wait


def _is_hopeless(cluster: Any) -> bool:
    left = cluster.pending()
    if cluster.workers and (left.scheduled or left.unacked or left.running):
        return False
    return all(not cluster.is_consumed_now(broker, m.queue) for broker in cluster.brokers for m in broker.queued())


class Waiting:
    """Stands for `drain_events` of a ResultConsumer. `read` reads one message, and tells whether there was one."""

    def __init__(self, cluster: Any, read: Callable[[], bool]) -> None:
        self._cluster = cluster
        self._read = read

    def __call__(self, timeout: float | None = None) -> None:
        """Read one message as soon as there is one; return when `timeout` seconds (1 for None) have passed."""
        clock = self._cluster.clock
        last = clock.ticks + round((1.0 if timeout is None else timeout) * MICROSECONDS)
        step = 0
        while not self._read() and (step == 0 or clock.ticks < last):
            time.sleep(step / MICROSECONDS)  # the cluster's: what is due up to then happens in it
            step = max(min(self._until_next(), last - clock.ticks), MILLISECOND)

    def _until_next(self) -> int:
        following = self._cluster._next_ticks()
        return PATIENCE if following is None else int(following - self._cluster.clock.ticks)


def redis_message(consumer: Any, drain: Callable[..., Any]) -> bool:
    """Read what Redis has published to a consumer, if anything."""
    pubsub = consumer._pubsub
    # redis-py leaves what is there unread while it is subscribed to nothing.
    if pubsub is None or not pubsub.subscribed or not pubsub.connection or not pubsub.connection.can_read(timeout=0):
        return False
    drain(timeout=0)
    return True


def broker_message(consumer: Any, _drain: Callable[..., Any]) -> bool:
    """Read a message of the reply queue, if there is one."""
    if consumer._connection is None:
        return False
    try:
        # Not by the consumer's own: Celery 5.6 takes an empty queue for a lost connection, and connects again.
        consumer._connection.drain_events(timeout=0)
    except TimeoutError:
        return False
    return True
