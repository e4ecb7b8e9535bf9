"""A worker's consumer, without its loop."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .watch import Watch


@contextmanager
def _because(watch: Watch, message: Any, why: str) -> Iterator[None]:
    """Record the message that Celery throws away in here once, with the reason."""
    watch.reason = why
    try:
        yield
        if watch.reason:
            # An undecodable message is acked, which the broker does not tell from one that was done.
            watch.rejected(message, False)
    finally:
        watch.reason = ""


def _explaining(base: type[Any], watch: Watch) -> type[Any]:
    """The consumer class, which says why it throws a message away."""

    class ExplainingConsumer(base):  # type: ignore[misc] # a class given at run time
        def on_unknown_task(self, body: Any, message: Any, exc: Any) -> None:
            with _because(watch, message, "unknown task"):
                super().on_unknown_task(body, message, exc)

        def on_unknown_message(self, body: Any, message: Any) -> None:
            with _because(watch, message, "not a task message"):
                super().on_unknown_message(body, message)

        def on_invalid_task(self, body: Any, message: Any, exc: Any) -> None:
            with _because(watch, message, f"invalid: {exc!r}"):
                super().on_invalid_task(body, message, exc)

        def on_decode_error(self, message: Any, exc: Any) -> None:
            with _because(watch, message, f"undecodable: {exc!r}"):
                super().on_decode_error(message, exc)

    return ExplainingConsumer


def _dispatching(base: type[Any]) -> type[Any]:
    """The consumer class, with the dispatcher of events that a real worker has for its heartbeats.

    Nobody listens to those here. Remote control adds the events of tasks to it.
    """

    class DispatchingConsumer(base):  # type: ignore[misc] # a class given at run time
        event_dispatcher: Any
        _dispatcher: Any = None

        def update_strategies(self) -> None:
            if self.event_dispatcher is None or self.event_dispatcher is self._dispatcher:
                groups = self._dispatcher.groups if self._dispatcher else ["worker"]
                self._dispatcher = self.event_dispatcher = self.app.events.Dispatcher(
                    self.connection, hostname=self.hostname, groups=groups
                )
            super().update_strategies()

    return DispatchingConsumer


def _do_soon(consumer: Any, operation: Callable[[], Any]) -> Any:
    """Do what an event loop does in its next turn: while a child works, or after a solo worker's task."""
    if consumer.pool.uses_semaphore:
        operation()
    else:
        consumer._pending_operations.append(operation)
    return operation


def consumer_class(base: type[Any], watch: Watch) -> type[Any]:
    """The app's consumer class, without its loop and with an eye on rate limits and redelivery."""

    class VirtualConsumer(_dispatching(_explaining(base, watch))):  # type: ignore[misc] # a class given at run time
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
            # Acks come this way.
            return _do_soon(self, partial(p, *args, **kwargs))

        # By this name from Celery 5.7 on.
        call_soon_ack = call_soon

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

    # The app's handlers of worker_ready get it.
    VirtualConsumer.__name__ = base.__name__
    return VirtualConsumer
