"""One worker: Celery's own `WorkController` and consumer, driven a step at a time instead of by a loop."""

from __future__ import annotations

import heapq
import itertools
import math
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from celery import _state, signals
from celery.concurrency import solo
from celery.worker import WorkController, state
from celery.worker.consumer import Consumer
from kombu.asynchronous import timer as kombu_timer
from kombu.utils.imports import symbol_by_name

from .clock import MICROSECONDS

# celery-types leaves most of it out
celery_state: Any = _state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery

    from .broker import Broker
    from .watch import Watch


class Entry(kombu_timer.Entry):
    """A timer entry. Of two at one instant the older goes first; kombu compares their addresses in memory."""

    __slots__ = ("number",)
    _numbers = itertools.count()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.number = next(self._numbers)

    def __lt__(self, other: Any) -> bool:
        return bool(self.number < other.number)


class Timer(kombu_timer.Timer):
    """kombu's timer without the thread that Celery's solo pool gives it."""

    Entry = Entry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(max_interval=math.inf, on_error=kwargs.get("on_error"))

    def _enter(self, eta: float, priority: int, entry: Any, push: Any = heapq.heappush) -> Any:
        # Up to the millisecond: an ETA becomes a float of seconds since 1970 on its way here, off by a
        # microsecond either way, and must not run before its instant. The tolerance is that microsecond.
        rounded = math.ceil(eta * 1000 - 0.001) / 1000
        return super()._enter(rounded, priority, entry, push)

    def call_after(self, secs: float, *args: Any, **kwargs: Any) -> Any:
        # A token bucket asks to be called "in 1e-16 s"; on a clock that stands still that is for ever now.
        return super().call_after(max(secs, 0.001), *args, **kwargs)

    def next_at(self) -> int | None:
        """When the next entry is due, in clock ticks."""
        while self._queue and self._queue[0].entry.canceled:
            heapq.heappop(self._queue)
        return round(self._queue[0].eta * MICROSECONDS) if self._queue else None

    def run_due(self) -> bool:
        """Call every entry that is due; tell whether there was one."""
        ran = False
        for _delay, entry in self:
            if entry is None:
                break
            ran = True
            self.apply_entry(entry)
        return ran


def consumer_class(base: type[Any], watch: Watch) -> type[Any]:
    """The app's consumer class, without its loop and with an eye on rate limits and redelivery."""

    class VirtualConsumer(base):  # type: ignore[misc] # a class given at run time
        def loop(self, *args: Any) -> None:
            """What Celery's loop does before its first turn; the turns are `Worker.step`."""
            handle = self.create_task_handler()

            def on_message(message: Any) -> None:
                if (message.delivery_info or {}).get("redelivered"):
                    watch.redelivered(message)
                handle(message)

            self.task_consumer.on_message = on_message
            self.task_consumer.consume()
            self.on_ready()

        def call_soon(self, p: Any, *args: Any, **kwargs: Any) -> Any:
            # Acks come this way up to Celery 5.6, to be done after the task where the pool is solo. A prefork
            # worker, which this one stands for, does them while its child works.
            operation = partial(p, *args, **kwargs)
            operation()
            return operation

        def start(self) -> None:
            self.restart_count += 1
            self.blueprint.start(self)

        def _limit_task(self, request: Any, bucket: Any, tokens: int) -> Any:
            result = super()._limit_task(request, bucket, tokens)
            self._note_limit(request, bucket, tokens)
            return result

        def _limit_post_eta(self, request: Any, bucket: Any, tokens: int) -> Any:
            result = super()._limit_post_eta(request, bucket, tokens)
            self._note_limit(request, bucket, tokens)
            return result

        def _note_limit(self, request: Any, bucket: Any, tokens: int) -> None:
            if any(waiting is request for waiting, _tokens in bucket.contents):
                watch.limited(request, bucket.expected_time(tokens * len(bucket.contents)))

    return VirtualConsumer


class Worker:
    """A running worker. `name` is its name in the timeline, `queues` what it consumes."""

    def __init__(
        self,
        app: Celery,
        name: str,
        *,
        queues: list[str],
        broker: Broker,
        started: int,
        watch: Watch,
    ) -> None:
        self.name = name
        self.queues = queues
        self.started = started
        self._broker = broker
        # Ids revoked and ids done belong to a process; two workers here share one, so each brings its own.
        self._memory = {
            "revoked": _empty(state.revoked),
            "successful_requests": _empty(state.successful_requests),
        }
        self.next_restore_at: int | None = None
        with self.active():
            self.controller = _controller(app, name, queues, watch)
            self.controller.blueprint.start(self.controller)
        self.timer: Timer = self.controller.timer
        self.consumer: Any = self.controller.consumer

    def active(self) -> _Active:
        """While entered, Celery's module state is this worker's."""
        return _Active(self._memory)

    def step(self, ticks: int) -> bool:
        """One turn of the worker's loop; tell whether anything was done."""
        consumer = self.consumer
        with self.active():
            consumer.perform_pending_operations()
            busy = self.timer.run_due()
            if consumer.qos.prev != consumer.qos.value:
                consumer.qos.update()
            if self.next_restore_at is not None and self.next_restore_at <= ticks:
                self.next_restore_at = None
                self._broker.restore(consumer.connection)
                busy = True
            return self._drain() or busy

    def next_at(self, ticks: int) -> int | None:
        """When this worker has something to do by itself, in clock ticks."""
        self.next_restore_at = self._broker.next_restore(self.started, ticks)
        instants = [at for at in (self.timer.next_at(), self.next_restore_at) if at is not None]
        return min(instants, default=None)

    def waiting(self) -> Iterator[tuple[Any, float]]:
        """Requests that wait for an ETA or a token, with the instant (monotonic seconds) of the former."""
        for item in sorted(self.timer._queue):
            if item.entry.args and not item.entry.canceled and hasattr(item.entry.args[0], "request_dict"):
                yield item.entry.args[0], item.eta
        for bucket in filter(None, self.consumer.task_buckets.values()):
            for request, _tokens in bucket.contents:
                yield request, 0.0

    def unacked(self) -> list[Any]:
        """Raw messages this worker holds unacked."""
        return [
            message
            for channel in self.consumer.connection.transport.channels
            for tag, message in channel.qos._delivered.items()
            if tag not in channel.qos._dirty
        ]

    def stop(self) -> None:
        """A warm shutdown: what is unacked goes back to the broker."""
        with self.active():
            self.controller.stop()

    def kill(self) -> None:
        """A SIGKILL: nothing of the shutdown runs; the broker loses the connection."""
        self.timer.clear()
        self._broker.abandon(self.consumer.connection)
        for request in self._own_requests():
            state.task_ready(request)

    def _own_requests(self) -> list[Any]:
        return [r for r in state.requests.values() if r.hostname == self.consumer.hostname]

    def _drain(self) -> bool:
        try:
            # Any longer timeout never ends under a frozen clock.
            self.consumer.connection.drain_events(timeout=0)
        except TimeoutError:
            return False
        return True


class _Active:
    def __init__(self, memory: dict[str, dict[str, Any]]) -> None:
        self._memory = memory

    def __enter__(self) -> None:
        self._swap()
        self._blocks = celery_state.task_join_will_block()
        celery_state._set_task_join_will_block(True)

    def __exit__(self, *_exc: object) -> None:
        # Only a worker must not wait for results; the test, in the same process, may.
        celery_state._set_task_join_will_block(self._blocks)
        self._swap()

    def _swap(self) -> None:
        for name, mine in self._memory.items():
            shared = vars(getattr(state, name))
            theirs = dict(shared)
            shared.update(mine)
            mine.update(theirs)


def _empty(limited: Any) -> dict[str, Any]:
    return dict(vars(type(limited)(maxlen=limited.maxlen, expires=limited.expires)))


def _controller(app: Celery, name: str, queues: list[str], watch: Watch) -> Any:
    receivers = signals.worker_init.receivers
    # Celery's Django fixup makes a worker close the database connection around each task: right in a process
    # of its own, and the end of the test's transaction in this one.
    signals.worker_init.receivers = [pair for pair in receivers if not _is_django_fixup(pair[1])]
    try:
        base = symbol_by_name(app.conf.worker_consumer) if app.conf.worker_consumer else Consumer
        return WorkController(
            app=app,
            hostname=f"{name}@virtual",
            pool=solo.TaskPool,
            concurrency=1,
            use_eventloop=False,
            timer_cls=Timer,
            consumer_cls=consumer_class(base, watch),
            queues=queues,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
    finally:
        signals.worker_init.receivers = receivers


def _is_django_fixup(receiver: Any) -> bool:
    function = receiver() if isinstance(receiver, weakref.ReferenceType) else receiver
    owner = getattr(function, "__self__", None)
    return type(owner).__module__ == "celery.fixups.django"
