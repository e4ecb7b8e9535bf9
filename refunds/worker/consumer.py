"""Refuse an unexpected message before Celery processes it."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from celery import signals
from celery.exceptions import InvalidTaskError
from celery.worker.consumer import Consumer as Celerys
from django.utils import timezone
from kombu import compression
from kombu.exceptions import ContentDisallowed, DecodeError

from .message_check import fault, one_line
from .transport import guarded

logger = logging.getLogger(__name__)

# Bytes of a refused body in the log.
SHOWN = 1_024
# Turn off mingle and gossip. As remote control does, they read what any client of the broker publishes, and an error
# there ends the worker. They exchange revoked tasks and the names of workers; nothing here revokes a task.
ALONE = {"without_gossip": True, "without_mingle": True}


class Consumer(Celerys):
    """Checks each message before Celery's consumer gets it. Set it as `worker_consumer`.

    It logs a refused message in one line, rejects it without requeueing, and sends `task_rejected`. The package
    `transport` keeps messages that kombu cannot read.
    """

    connection_errors: tuple[type[Exception], ...]  # an attribute of Celery's class that its stubs leave out

    def __init__(self, *args: Any, **options: Any) -> None:
        _refuse_compressed()
        options["worker_options"] = {**(options.get("worker_options") or {}), **ALONE}
        super().__init__(*args, **options)

    def connection_for_read(self, heartbeat: float | None = None) -> Any:
        """Connect as Celery does, through a guarded transport."""
        connection: Any = self.app.connection_for_read(heartbeat=heartbeat)
        # Replace the method, not the class: on failover to another broker, kombu finds the class by the URL again.
        find, guard = type(connection).get_transport_cls, cache(guarded)
        vars(connection)["get_transport_cls"] = lambda: guard(find(connection))
        return self.ensure_connected(connection)

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], Any]:
        """Return a handler that refuses a message with a fault, and passes the others to Celery's handler."""
        handle: Callable[[Any], Any] = super().create_task_handler(*args, **options)

        def on_message(message: Any) -> Any:
            try:
                wrong = fault(message, timezone.now())
            except (ContentDisallowed, DecodeError) as error:
                return self.on_decode_error(message, error)
            if wrong:
                return self.on_invalid_task(None, message, InvalidTaskError(wrong))
            return handle(message)

        return on_message

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Refuse a message that cannot be decoded. Celery's method acknowledges it and sends no signal."""
        self.on_invalid_task(None, message, exc)

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Log one line with the beginning of the body. Celery's method logs a traceback, which can quote all of it."""
        reason = one_line(exc)
        logger.error("Received invalid task message: %s. The body begins %r", reason, (message.body or "")[:SHOWN])
        self._reject(message)
        signals.task_rejected.send(sender=self, message=message, exc=InvalidTaskError(reason))

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """Refuse a message without a task. Celery's method logs all headers."""
        self.on_invalid_task(body, message, InvalidTaskError("the message names no task"))

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Log one line with the task's name and id, whose length the check has limited.

        Celery's method logs all headers and stores a failure, which ends a worker whose result backend is down.
        """
        name, id_ = message.headers["task"], message.headers["id"]
        logger.error(
            "Received unregistered task of type %r, id %r: refused. Is its worker older than its sender?", name, id_
        )
        self._reject(message)
        signals.task_unknown.send(sender=self, message=message, exc=exc, name=name, id=id_)

    def _reject(self, message: Any) -> None:
        # Commands of remote control are not acknowledged: RabbitMQ closes a channel that rejects one.
        if message.delivery_info.get("consumer_tag") not in (message.channel.no_ack_consumers or ()):
            message.reject_log_error(logger, self.connection_errors)


def _refuse_compressed() -> None:
    """Refuse compressed messages. Nothing here sends one, and kombu would unpack one megabyte to a gigabyte."""
    find: Any = compression.get_encoder  # returns encoder and name; kombu's stubs know only the encoder
    for content_type in compression.encoders():
        compression.register(find(content_type)[0], _refuse, content_type)


def _refuse(_body: bytes) -> bytes:
    raise DecodeError("the body is compressed, and no message here is")
