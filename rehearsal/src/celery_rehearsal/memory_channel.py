"""A channel of "memory": what kombu asks of a server, answered as RabbitMQ does."""

from __future__ import annotations

from collections import deque
from queue import Empty
from typing import TYPE_CHECKING, Any

from amqp.exceptions import PreconditionFailed
from amqp.protocol import queue_declare_ok_t
from kombu.transport import base, memory, virtual
from kombu.utils.uuid import uuid

from . import amqp_rules

if TYPE_CHECKING:
    from .broker import Tap
    from .rabbit import Store

# celery-types leaves most of it out
kombu_base: Any = base


class MemoryChannel(memory.Channel):
    """Consumes from a `Store`; `inbox` holds what the store has handed over and its client has not read yet.

    A cluster's own subclass has its `store` and its `tap`.
    """

    store: Store
    tap: Tap
    # kombu-stubs, part of celery-types, leave them out
    _tag_to_queue: dict[str, str]
    _active_queues: list[str]
    qos: Any
    connection: Any
    Message: Any
    closed: bool
    do_restore = True
    _published: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A message, its queue, and how many the store had handed over before it.
        self.inbox: deque[tuple[dict[str, Any], str, int]] = deque()
        self._unacked_queues: set[str] = set()

    def has_room(self) -> bool:
        """Whether the prefetch count lets it hold one more message."""
        limit = self.qos.prefetch_count
        return not limit or len(self.qos._delivered) - len(self.qos._dirty) + len(self.inbox) < limit

    def prepare_queue_arguments(self, arguments: Any, **options: Any) -> Any:
        return kombu_base.to_rabbitmq_queue_arguments(arguments or {}, **options)

    def exchange_declare(self, exchange: Any = None, *args: Any, **options: Any) -> None:
        kind = (args[0] if args else options.get("type")) or "direct"
        self.tap.check(amqp_rules.check_exchange, exchange, kind, options.get("arguments") or {})
        super().exchange_declare(exchange, *args, **options)

    def exchange_bind(self, destination: str, source: str = "", *_args: Any, **_options: Any) -> None:
        self.tap.check(amqp_rules.check_exchange, destination, "direct", {"a binding to another exchange": source})

    def _has_queue(self, queue: str, **_options: Any) -> bool:
        return self.store.find(queue) is not None

    def queue_declare(self, queue: str | None = None, passive: bool = False, **options: Any) -> Any:
        found = self.store.find(queue) if passive and queue else None
        if found is not None:
            return queue_declare_ok_t(found.name, len(found.ready), len(found.consumers))
        return super().queue_declare(queue, passive, **options)

    def _new_queue(self, queue: str, **options: Any) -> None:
        arguments = options.get("arguments") or {}
        self.tap.check(amqp_rules.check_queue, queue, arguments)
        if "durable" not in options:
            # A look at its size, by code that knows kombu's virtual channels, which compare nothing.
            self.store.declare(queue, None)
            return
        asked = {name: bool(options.get(name)) for name in ("durable", "auto_delete")} | {"arguments": arguments}
        if self.store.declare(queue, asked).declared != asked:
            raise PreconditionFailed(f"inequivalent arguments for queue {queue!r}", (50, 10), "Queue.declare")

    def _lookup(self, *args: Any) -> list[str]:
        # kombu's is a set, whose order depends on the hash seed.
        return sorted(super()._lookup(*args))

    def _put_fanout(self, exchange: str, message: dict[str, Any], routing_key: Any = None, **kwargs: Any) -> None:
        for queue in self._lookup(exchange, routing_key):
            self._put(queue, message, **kwargs)

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        self.store.put(queue, _copy(message) if message is self._published else message)
        self._published = message

    def _get(self, queue: str, timeout: Any = None) -> dict[str, Any]:
        found = self.store.find(queue)
        if found is None or not found.ready:
            raise Empty
        return self.store.take(found)

    def _size(self, queue: str) -> int:
        found = self.store.find(queue)
        return len(found.ready) if found else 0

    def _purge(self, queue: str) -> int:
        size = self._size(queue)
        if size:
            self.store.find(queue).ready.clear()  # type: ignore[union-attr] # it has a size
        return size

    def _delete(self, queue: str, *_args: Any, **_kwargs: Any) -> None:
        self.store.delete(queue)

    def basic_consume(
        self, queue: str, no_ack: bool = False, callback: Any = None, consumer_tag: Any = None, **kwargs: Any
    ) -> Any:
        self.tap.check(amqp_rules.check_consumer, queue, kwargs.get("arguments") or {})
        tag = super().basic_consume(queue, no_ack, callback, consumer_tag, **kwargs)
        if no_ack:
            self._unacked_queues.add(queue)
        found = self.store.find(queue)
        if found is not None:
            found.consumers[self] = None
            self.store.serve(found)
        return tag

    def basic_cancel(self, consumer_tag: str) -> None:
        queue = self._tag_to_queue.get(consumer_tag)
        super().basic_cancel(consumer_tag)
        if queue is not None and queue not in self._active_queues:
            self.store.leave(self, queue)

    def basic_qos(self, *args: Any, **kwargs: Any) -> None:
        super().basic_qos(*args, **kwargs)
        self.store.serve_all()

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        self.store.held.pop(delivery_tag, None)
        self.store.serve_all()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        super().basic_reject(delivery_tag, requeue)
        self.store.held.pop(delivery_tag, None)
        self.store.serve_all()

    def drain_events(self, timeout: Any = None, callback: Any = None) -> None:
        if not self.inbox:
            raise Empty
        message, queue, _number = self.inbox.popleft()
        if queue in self._unacked_queues:
            self.store.held.pop(message["properties"]["delivery_tag"])
        (callback or self.connection._deliver)(message, queue)

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        message = super().basic_get(queue, no_ack, **kwargs)
        if message is not None and no_ack:
            self.store.held.pop(str(message.delivery_tag))
        return message

    def _restore(self, message: Any) -> None:
        message.delivery_info["redelivered"] = True
        self.store.put_back(message.delivery_tag, message.serializable() | {"redelivered": True})

    def close(self) -> None:
        if not self.closed:
            # kombu's memory channel forgets its queues when it closes; its parent gives back what is unacked.
            unread = list(self.inbox)
            virtual.Channel.close(self)
            for message, *_place in unread:
                self._restore(self.Message(message, channel=self))
            self.store.serve_all()


def _copy(message: dict[str, Any]) -> dict[str, Any]:
    """The message in a second queue: acked and marked apart from the first."""
    properties = message["properties"]
    info = {**properties["delivery_info"]}
    return {**message, "properties": {**properties, "delivery_tag": uuid(), "delivery_info": info}}
