"""What an app can ask of RabbitMQ, and what "memory" answers: the same, or a refusal by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kombu.transport import base

from .errors import NotSimulatedError
from .limits import reason

if TYPE_CHECKING:
    from collections.abc import Mapping

# celery-types leaves most of it out
kombu_base: Any = base

# How kombu's Queue asks for arguments besides `queue_arguments`.
QUEUE_OPTIONS = ("expires", "message_ttl", "max_length", "max_length_bytes", "max_priority")

# "memory" acts on the first three. The others say where and how a server stores a queue. What is asked for by
# x-queue-type is refused elsewhere.
QUEUE_ARGUMENTS = {
    "x-max-priority",
    "x-message-ttl",
    "x-expires",
    "x-queue-type",
    "x-queue-mode",
    "x-queue-version",
    "x-queue-master-locator",
    "x-ha-policy",
}

EXCHANGES = {"direct", "topic", "fanout"}


def arguments_of(queue: Any) -> dict[str, Any]:
    """A kombu Queue's arguments, as RabbitMQ gets them."""
    options = {name: getattr(queue, name) for name in QUEUE_OPTIONS}
    return dict(kombu_base.to_rabbitmq_queue_arguments(queue.queue_arguments or {}, **options))


def check_queue(name: str, arguments: Mapping[str, Any]) -> None:
    """Raise NotSimulatedError for an argument of a queue that "memory" does not act on."""
    _refuse(f"queue {name!r}", set(arguments) - QUEUE_ARGUMENTS)


def check_exchange(name: str, kind: str, arguments: Mapping[str, Any]) -> None:
    """Raise NotSimulatedError for a type of exchange, or for an argument of one, that "memory" does not act on."""
    _refuse(f"exchange {name!r}", {kind} - EXCHANGES | set(arguments))


def check_consumer(queue: str, arguments: Mapping[str, Any]) -> None:
    """Raise NotSimulatedError for an argument of a consumer."""
    _refuse(f"a consumer of queue {queue!r}", set(arguments))


def check_app(app: Any) -> None:
    """Raise NotSimulatedError for what the app's queues and their exchanges ask for."""
    for queue in app.amqp.queues.values():
        check_queue(queue.name, arguments_of(queue))
        check_consumer(queue.name, queue.consumer_arguments or {})
        if queue.exchange is not None:
            check_exchange(queue.exchange.name, queue.exchange.type, queue.exchange.arguments or {})


def _refuse(what: str, asked: set[str]) -> None:
    if asked:
        raise NotSimulatedError(f"{what} has {', '.join(sorted(asked))}: {reason('amqp_features')}")
