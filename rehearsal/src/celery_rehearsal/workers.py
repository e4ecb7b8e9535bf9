"""One worker: Celery's own `WorkController` and consumer, driven a step at a time instead of by a loop."""

from __future__ import annotations

import logging
from contextvars import Context
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from celery.app import trace
from celery.worker import state
from celery.worker.worker import WorkController

from .controller import make_controller
from .errors import TestkitError
from .leaving import is_verdict
from .prefork import Prefork
from .program import receive_sigterm
from .solo import Solo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from celery import Celery

    from .broker import Broker
    from .clock import VirtualClock
    from .process import Active, Processes
    from .strands import Strands
    from .timer import Timer
    from .watch import Watch


class Worker:
    """A running worker. `name` is its name in the timeline, `queues` what it consumes from its start on."""

    def __init__(
        self,
        app: Celery,
        name: str,
        *,
        queues: list[str],
        broker: Broker,
        started: int,
        watch: Watch,
        strands: Strands,
        clock: VirtualClock,
        options: dict[str, Any],
        processes: Processes,
    ) -> None:
        self.name = name
        # The contextvars of its process.
        self.context = Context()
        self.started = started
        self._broker = broker
        self._processes = processes
        self.process = processes.new(worker=True)
        self.app = app
        # kombu sweeps once before it begins to poll, whatever its timetable.
        self.next_restore_at: int | None = started
        self._polls = False
        with self.active():
            self.controller = make_controller(app, name, queues, watch, processes, **options)
            self.timer: Timer = self.controller.timer
            self.pool: Prefork | Solo = self.controller.pool
            self.pool.attach(strands=strands, timer=self.timer, name=name, worker=self, ticks=lambda: clock.ticks)
            self.controller.blueprint.start(self.controller)
            self._own_tracers()
        self.consumer: Any = self.controller.consumer

    def active(self) -> Active:
        """While entered, Celery's state is that of this worker's process."""
        return self._processes.active(self.process)

    def is_idle(self, ticks: int) -> bool:
        """Whether a turn would do nothing: most would, and to ask costs less than a greenlet."""
        qos, due = self.consumer.qos, self.timer.next_at()
        return not (
            self._broker.has_messages()
            or self.pool.has_events()
            or self.consumer._pending_operations
            or qos.prev != qos.value
            or (due is not None and due <= ticks)
            or (self.next_restore_at is not None and self.next_restore_at <= ticks)
        )

    def consumed(self) -> list[str]:
        """Names of the queues that it consumes right now."""
        return [queue.name for queue in self.consumer.task_consumer.queues if self.consumes(queue.name)]

    def consumes(self, queue: str) -> bool:
        """Whether it consumes a queue right now."""
        tasks = self.consumer.task_consumer
        return bool(tasks) and bool(tasks.consuming_from(queue))

    def consume(self, queue: str) -> None:
        """Consume one queue more, as after remote control's `add_consumer`."""
        self.consumer.add_task_queue(queue)

    def step(self, ticks: int) -> bool:
        """One turn of the worker's loop; tell whether anything was done."""
        consumer = self.consumer
        if not self._polls:
            self._polls, self.next_restore_at = True, None
            self._broker.restore(consumer.connection, polls=False)
        consumer.perform_pending_operations()
        busy = self.pool.handle_events()
        busy = self.timer.run_due() or busy
        if consumer.qos.prev != consumer.qos.value:
            consumer.qos.update()
        busy = self._drain() or busy
        busy = self.pool.start_jobs() or busy
        # Last: what runs at this very instant is acked at it too, and not overdue.
        if not busy and self.next_restore_at is not None and self.next_restore_at <= ticks:
            self.next_restore_at = None
            self._broker.restore(consumer.connection, polls=True)
            return True
        return busy

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
        for bucket in self._buckets():
            for request, _tokens in bucket.contents:
                yield request, 0.0

    def _buckets(self) -> list[Any]:
        # What waits in a bucket goes by its old limit after remote control has set a new one.
        timed = [item.entry.args[0] for item in self.timer._queue if item.entry.args and not item.entry.canceled]
        found = [*filter(None, self.consumer.task_buckets.values()), *(b for b in timed if hasattr(b, "contents"))]
        return list({id(bucket): bucket for bucket in found}.values())

    def unacked(self) -> list[Any]:
        """Raw messages this worker holds unacked."""
        return [
            message
            for channel in self.consumer.connection.transport.channels
            for tag, message in channel.qos._delivered.items()
            if tag not in channel.qos._dirty
        ]

    def running(self) -> list[Any]:
        """The requests that a child has accepted, oldest first."""
        with self.active():
            found = list(state.active_requests)
        return sorted(found, key=lambda request: (request.time_start or 0, request.id))

    def stop(self, end_turn: Callable[[], Any], *, signal: bool = True) -> None:
        """A warm shutdown, by a `signal` or by code: what runs ends, what else is unacked goes back to the broker.

        `end_turn` waits for the turn of its loop that it is in: a worker notices a signal between two turns.
        """
        if signal:
            receive_sigterm(self.controller)
        end_turn()
        self.consumer.perform_pending_operations()
        self.controller.stop()

    def ends_by(self, error: BaseException | None) -> bool:
        """Whether an error in its loop ends the program, as a message does whose body is no task's; log it then."""
        to_connect_again = (*self.consumer.connection_errors, *self.consumer.channel_errors)
        ends = isinstance(error, Exception) and not isinstance(error, (TestkitError, *to_connect_again))
        if not ends or error is None or is_verdict(error):
            return False
        logging.getLogger(WorkController.__module__).critical("Unrecoverable error: %r", error, exc_info=error)
        return True

    def reconnect(self) -> None:
        """Do what a worker does that has lost its connection: its consumer starts again, the program does not."""
        consumer = self.consumer
        with self.active():
            self._broker.abandon(consumer.connection)
            consumer.on_close()
            # Celery 5.6 keeps what waits for its ETA.
            for item in self.timer._queue:
                if item.entry.args and hasattr(item.entry.args[0], "request_dict"):
                    item.entry.cancel()
                    state.task_ready(item.entry.args[0])
            consumer.blueprint.restart(consumer)
            consumer.start()
            self._own_tracers()

    def kill(self) -> None:
        """A SIGKILL: nothing of the shutdown runs; the broker loses the connection."""
        self.timer.clear()
        self._broker.abandon(self.consumer.connection)
        with self.active():
            for request in list(state.requests.values()):
                state.task_ready(request)

    def _own_tracers(self) -> None:
        # Each start of a worker puts its own tracer, with its node name, into the tasks that all of them share.
        tracers = {name: SimpleNamespace(__trace__=task.__trace__) for name, task in self.app.tasks.items()}
        vars(trace)["_localized"][0] = tracers

    def _drain(self) -> bool:
        if not self._broker.has_messages():
            return False
        busy = False
        while True:
            try:
                # Any longer timeout never ends under a frozen clock.
                self.consumer.connection.drain_events(timeout=0)
            except TimeoutError:
                return busy
            busy = True
            # A solo worker runs what it has read before it acks any of it.
            if self.pool.uses_semaphore or not self._broker.reads_all:
                return True
