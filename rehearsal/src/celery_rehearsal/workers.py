"""One worker: Celery's own `WorkController` and consumer, driven a step at a time instead of by a loop."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from celery import _state, signals
from celery.worker import WorkController, state
from celery.worker.consumer import Consumer
from kombu.utils.imports import symbol_by_name

from .consumer import consumer_class
from .leaving import Pool
from .timer import Timer

# celery-types leaves most of it out
celery_state: Any = _state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery

    from .broker import Broker
    from .watch import Watch


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
        # kombu sweeps once when it begins to poll, whatever its timetable.
        self.next_restore_at: int | None = started
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
        """When this worker next acts without a new message, in clock ticks."""
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
        if not self._broker.has_messages():
            return False
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
            pool=Pool,
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
