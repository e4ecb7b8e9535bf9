"""The worker's consumer: it refuses an unexpected message before Celery works on it."""

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
# Mingle and gossip read what any client of the broker publishes, as remote control does, and an error there ends the
# worker. They exchange revoked tasks and the names of workers; nothing here revokes a task.
ALONE = {"without_gossip": True, "without_mingle": True}


class Consumer(Celerys):
    """Celery's consumer with a check in front, for the setting `worker_consumer`.

    It logs a refused message in one line, rejects it without requeueing, and sends `task_rejected`. The transport
    (see the package `transport`) keeps what kombu cannot read.
    """

    connection_errors: tuple[type[Exception], ...]  # an attribute of Celery's class that its stubs leave out

    def __init__(self, *args: Any, **options: Any) -> None:
        _refuse_compressed()
        options["worker_options"] = {**(options.get("worker_options") or {}), **ALONE}
        super().__init__(*args, **options)

    def connection_for_read(self, heartbeat: float | None = None) -> Any:
        """Connect as Celery does, through a guarded transport."""
        connection: Any = self.app.connection_for_read(heartbeat=heartbeat)
        # Set on the instance: kombu sets the class again by the URL's scheme when it fails over to another broker.
        find, guard = type(connection).get_transport_cls, cache(guarded)
        vars(connection)["get_transport_cls"] = lambda: guard(find(connection))
        return self.ensure_connected(connection)

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], Any]:
        """Return a handler that refuses a message with a fault, and gives every other one to Celery's handler."""
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
        """Refuse a message that cannot be decoded. Celery acknowledges it and sends no signal."""
        self.on_invalid_task(None, message, exc)

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Log one line with the beginning of the body. Celery logs a traceback, which can quote the whole message."""
        reason = one_line(exc)
        logger.error("Received invalid task message: %s. The body begins %r", reason, (message.body or "")[:SHOWN])
        self._reject(message)
        signals.task_rejected.send(sender=self, message=message, exc=InvalidTaskError(reason))

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """Refuse a message without a task. Celery logs all its headers."""
        self.on_invalid_task(body, message, InvalidTaskError("the message names no task"))

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Log one line with the task's name and id, which the check has limited.

        Celery logs all headers and stores a failure, which would end a worker whose result backend is away.
        """
        name, id_ = message.headers["task"], message.headers["id"]
        logger.error(
            "Received unregistered task of type %r, id %r: refused. Is its worker older than its sender?", name, id_
        )
        self._reject(message)
        signals.task_unknown.send(sender=self, message=message, exc=exc, name=name, id=id_)

    def _reject(self, message: Any) -> None:
        # A command of remote control is not acknowledged, and RabbitMQ closes a channel that rejects it.
        if message.delivery_info.get("consumer_tag") not in (message.channel.no_ack_consumers or ()):
            message.reject_log_error(logger, self.connection_errors)


def _refuse_compressed() -> None:
    """Refuse compressed messages: nothing here sends one, and kombu would unpack a megabyte to a gigabyte unchecked."""
    find: Any = compression.get_encoder  # returns encoder and name; kombu's stubs know only the encoder
    for content_type in compression.encoders():
        compression.register(find(content_type)[0], _refuse, content_type)


def _refuse(_body: bytes) -> bytes:
    raise DecodeError("the body is compressed, and no message here is")
