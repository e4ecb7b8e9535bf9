"""The worker's consumer: a message that nobody can have sent in good faith is refused before Celery works on it."""

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
# worker. They tell workers of revoked tasks and of each other; nothing here revokes a task.
ALONE = {"without_gossip": True, "without_mingle": True}


class Consumer(Celerys):
    """Celery's, for the setting `worker_consumer`.

    A refused message is logged in one line, rejected without coming back, and told to `task_rejected`. The transport
    (`refunds.worker.transport`) keeps what kombu cannot read.
    """

    connection_errors: tuple[type[Exception], ...]  # Celery's, which its stubs leave out

    def __init__(self, *args: Any, **options: Any) -> None:
        _refuse_compressed()
        options["worker_options"] = {**(options.get("worker_options") or {}), **ALONE}
        super().__init__(*args, **options)

    def connection_for_read(self, heartbeat: float | None = None) -> Any:
        """Connect as Celery does, by a guarded transport."""
        connection: Any = self.app.connection_for_read(heartbeat=heartbeat)
        # An attribute of the instance: kombu sets the class again by the URL's scheme when it goes to another broker.
        find, guard = type(connection).get_transport_cls, cache(guarded)
        vars(connection)["get_transport_cls"] = lambda: guard(find(connection))
        return self.ensure_connected(connection)

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], Any]:
        """What Celery does with a message that has no fault."""
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
        """What cannot be read is refused as the others are; Celery's own acknowledges it and tells nobody."""
        self.on_invalid_task(None, message, exc)

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Log one line with the beginning of the body; Celery's own has a traceback, which can quote the message."""
        reason = one_line(exc)
        logger.error("Received invalid task message: %s. The body begins %r", reason, (message.body or "")[:SHOWN])
        self._reject(message)
        signals.task_rejected.send(sender=self, message=message, exc=InvalidTaskError(reason))

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """Refuse what is no message of a task; Celery's own logs all its headers."""
        self.on_invalid_task(body, message, InvalidTaskError("the message names no task"))

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """Log one line with the task's name and id, which the check has found to be short.

        Celery's own logs all headers, and stores a failure: a worker whose result backend is away would end by that.
        """
        name, id_ = message.headers["task"], message.headers["id"]
        logger.error(
            "Received unregistered task of type %r, id %r: refused. Is its worker older than its sender?", name, id_
        )
        self._reject(message)
        signals.task_unknown.send(sender=self, message=message, exc=exc, name=name, id=id_)

    def _reject(self, message: Any) -> None:
        # A command of remote control has no acknowledgement, and RabbitMQ closes the channel of one who rejects it.
        if message.delivery_info.get("consumer_tag") not in (message.channel.no_ack_consumers or ()):
            message.reject_log_error(logger, self.connection_errors)


def _refuse_compressed() -> None:
    """No message here is compressed, and kombu unpacks one of a megabyte to a gigabyte before anyone can look at it."""
    find: Any = compression.get_encoder  # says encoder and name; kombu's own stubs know the encoder alone
    for content_type in compression.encoders():
        compression.register(find(content_type)[0], _refuse, content_type)


def _refuse(_body: bytes) -> bytes:
    raise DecodeError("the body is compressed, and no message here is")
