"""Waiting for a result: where Celery waits for a socket, the cluster goes on until the result is there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from vine import promise

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


def end_hopeless(backend: Any, cluster: Any) -> None:
    """Let a wait without a timeout end where no task is left that could bring the result.

    It raises NeverIdleError: at the second look, or after a day in which beat alone did anything.
    """
    for name in ("wait_for", "get_many"):
        if hasattr(backend, name):
            setattr(backend, name, _ending(getattr(backend, name), cluster, lambda _ids: False))
    if consumer := getattr(backend, "result_consumer", None):
        consumer.drain_events_until = _ending(consumer.drain_events_until, cluster, _news_of(consumer))


def _ending(real: Callable[..., Any], cluster: Any, news: Callable[[Any], bool]) -> Callable[..., Any]:
    def wait(what: Any, timeout: float | None = None, *args: Any, on_interval: Any = None, **kwargs: Any) -> Any:
        began = cluster.clock.ticks
        hopeless_since: list[int] = []
        interval = kwargs.get("interval") or INTERVAL
        # A caller's function is called as often as in production. A promise of Celery's calls it once.
        skips = on_interval is None or isinstance(on_interval, promise)

        def look() -> None:
            if on_interval:
                on_interval()
            now = cluster.clock.ticks
            # At the first look the cluster can have something to do at this very instant.
            if timeout is not None or cluster.watch.actor != "test" or now == began or news(what):
                return
            following = cluster._next_ticks()
            if _is_hopeless(cluster):
                hopeless_since.append(now)
                # Up to 5.6, Celery looks once more after it has read the last result of a group.
                again = now > hopeless_since[0]
                if again and (following is None or now - hopeless_since[0] > PATIENCE):
                    raise NeverIdleError("\n".join([HOPELESS, *pending.lines(cluster.pending())]))
            if skips and following is not None:
                # No look before that can find anything.
                time.sleep(max(following - now, 0) / MICROSECONDS // interval * interval)

        return real(what, timeout, *args, on_interval=look, **kwargs)

    return wait


def _news_of(consumer: Any) -> Callable[[Any], bool]:
    """Whether what a caller waits for is there, or another message was, which is read by this look."""
    return lambda awaited: bool(
        awaited.ready or (isinstance(consumer.drain_events, Waiting) and consumer.drain_events.read())
    )


def _is_hopeless(cluster: Any) -> bool:
    left = cluster.pending()
    if cluster.workers and (left.scheduled or left.unacked or left.running):
        return False
    return all(not cluster.is_consumed_now(broker, m.queue) for broker in cluster.brokers for m in broker.queued())


# In microseconds. A wait of an hour in which nothing at all is left to happen has no end.
IDLE = 3_600 * MICROSECONDS

# In microseconds. A wait of a week in which nothing came has no end either, whatever else goes on. Each second of
# it is a look of Celery's, so a month would take minutes of real time.
LONGEST = 7 * 86_400 * MICROSECONDS


class Waiting:
    """Stands for `drain_events` of a ResultConsumer. `read` reads one message, and tells whether there was one."""

    def __init__(self, cluster: Any, read: Callable[[], bool]) -> None:
        self._cluster = cluster
        self.read = read
        self._idle_since: int | None = None
        # Celery asks for a second again and again: when it began to, and when it last had its answer.
        self._began = self._left = 0

    def __call__(self, timeout: float | None = None) -> None:
        """Read one message as soon as there is one; return when `timeout` seconds (1 for None) have passed.

        Raises NeverIdleError when nothing is left to happen that could bring one, or none came in a week.
        """
        clock, strands = self._cluster.clock, self._cluster.strands
        first = clock.ticks
        last = first + round((1.0 if timeout is None else timeout) * MICROSECONDS)
        if first != self._left:
            self._began = first
        # What the caller did before is news to others who wait.
        strands.progress += 1
        step = 0
        while not self.read():
            if step and clock.ticks >= last:
                break
            if strands.current is None:
                time.sleep(step / MICROSECONDS)  # the cluster's: what is due up to then happens in it
                step = max(min(self._until_next(), last - clock.ticks), MILLISECOND)
            else:
                self._until_next()
                step = max(last - clock.ticks, MILLISECOND)
                strands.poll(step)
        else:
            self._began = clock.ticks
            strands.progress += 1
        self._left = clock.ticks

    def _until_next(self) -> int:
        now = self._cluster.clock.ticks
        if now - self._began > LONGEST:
            self._give_up("get() has waited a week for a result, and none came; give it a timeout")
        following = self._cluster._next_ticks()
        if following is not None:
            self._idle_since = None
            return int(following - now)
        self._idle_since = now if self._idle_since is None else self._idle_since
        if now - self._idle_since > IDLE:
            self._give_up("get() waits for a result that nothing is left to bring; pending() shows what waits")
        return IDLE

    def _give_up(self, why: str) -> None:
        self._cluster._refuse(NeverIdleError(why))


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
