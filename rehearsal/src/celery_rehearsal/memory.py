"""kombu's memory transport by the rules of RabbitMQ, one per cluster.

kombu's own is a stand-in for tests: it drops what a lost worker held, knows no priorities, and delivers nothing until
it is asked. RabbitMQ hands a message to a consumer at once, as far as its prefetch count goes, and puts what comes
back where it was, marked as redelivered.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from queue import Empty
from typing import TYPE_CHECKING, Any

from amqp.exceptions import PreconditionFailed
from amqp.protocol import queue_declare_ok_t
from kombu.transport import memory, virtual
from kombu.transport.base import to_rabbitmq_queue_arguments
from kombu.utils.uuid import uuid

from . import amqp_rules
from .broker import Held, Tap, held, tapped
from .clock import MICROSECONDS
from .errors import NotSimulatedWarning
from .limits import reason
from .rabbit import Store

# Seconds. RabbitMQ's default: a message that is unacked for longer closes its channel.
CONSUMER_TIMEOUT = 30 * 60


class MemoryBroker:
    """Queues in this process. Satisfies `Broker`."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.store = Store()
        self.transport = _transport(self)
        self._warned = False

    def queued(self) -> list[Held]:
        return [
            held(queue.name, message)
            for queue in self.store.queues()
            for message in (
                *(message for channel in queue.consumers for message, name in channel.inbox if name == queue.name),
                *(entry.message for entry in sorted(queue.ready)),
            )
        ]

    def has_messages(self) -> bool:
        return any(
            queue.ready or any(channel.inbox for channel in queue.consumers) for queue in self.store.queues()
        )

    def lose(self) -> None:
        for queue in self.store.queues():
            queue.ready.clear()
            for channel in queue.consumers:
                channel.inbox.clear()
        self.store.held.clear()

    def put(self, queue: str, message: dict[str, Any]) -> None:
        self.store.put(queue, message)

    def abandon(self, connection: Any) -> None:
        connection.close()

    def next_restore(self, started: int, ticks: int) -> int | None:
        oldest = next(iter(self.store.held.values()), None)
        if oldest is None or self._warned:
            return None
        left = oldest.since + CONSUMER_TIMEOUT - time.monotonic()
        if left > 0:
            return ticks + int(left * MICROSECONDS) + 1
        self._warned = True
        task = held(oldest.queue, oldest.message).task
        warnings.warn(f"{task} is unacked after 30 minutes; {reason('consumer_timeout')}", NotSimulatedWarning, 2)
        return None

    def restore(self, connection: Any) -> None:
        """Nothing waits: a lost connection gave everything back already."""


def _transport(broker: MemoryBroker) -> type[Any]:
    store, tap = broker.store, broker.tap

    class Channel(tapped(memory.Channel, tap)):  # type: ignore[misc] # a class made at run time
        do_restore = True
        _published: Any = None

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.inbox: deque[tuple[dict[str, Any], str]] = deque()
            self._unacked_queues: set[str] = set()

        def has_room(self) -> bool:
            limit = self.qos.prefetch_count
            return not limit or len(self.qos._delivered) - len(self.qos._dirty) + len(self.inbox) < limit

        def prepare_queue_arguments(self, arguments: Any, **options: Any) -> Any:
            return to_rabbitmq_queue_arguments(arguments or {}, **options)

        def exchange_declare(self, exchange: Any = None, type: str = "direct", **options: Any) -> None:
            tap.check(amqp_rules.check_exchange, exchange, type or "direct", options.get("arguments") or {})
            super().exchange_declare(exchange, type, **options)

        def exchange_bind(self, destination: str, source: str = "", *_args: Any, **_options: Any) -> None:
            tap.check(amqp_rules.check_exchange, destination, "direct", {"a binding to another exchange": source})

        def basic_publish(self, message: dict[str, Any], exchange: str, routing_key: str, **kwargs: Any) -> Any:
            tap.check(amqp_rules.check_message, message, exchange)
            return super().basic_publish(message, exchange, routing_key, **kwargs)

        def _has_queue(self, queue: str, **_options: Any) -> bool:
            return store.find(queue) is not None

        def queue_declare(self, queue: str | None = None, passive: bool = False, **options: Any) -> Any:
            found = store.find(queue) if passive and queue else None
            if found is not None:
                return queue_declare_ok_t(found.name, len(found.ready), len(found.consumers))
            return super().queue_declare(queue, passive, **options)

        def _new_queue(self, queue: str, **options: Any) -> None:
            arguments = options.get("arguments") or {}
            tap.check(amqp_rules.check_queue, queue, arguments)
            asked = {name: bool(options.get(name)) for name in ("durable", "auto_delete")} | {"arguments": arguments}
            if store.declare(queue, asked).declared != asked:
                raise PreconditionFailed(f"inequivalent arguments for queue {queue!r}", (50, 10), "Queue.declare")

        def _lookup(self, *args: Any) -> list[str]:
            # kombu's is a set, whose order depends on the hash seed.
            return sorted(super()._lookup(*args))

        def _put_fanout(self, exchange: str, message: dict[str, Any], routing_key: Any = None, **kwargs: Any) -> None:
            for queue in self._lookup(exchange, routing_key):
                self._put(queue, message, **kwargs)

        def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
            tap.put(queue, message)
            store.put(queue, _copy(message) if message is self._published else message)
            self._published = message

        def _get(self, queue: str, timeout: Any = None) -> dict[str, Any]:
            found = store.find(queue)
            if found is None or not found.ready:
                raise Empty
            return store.take(found)

        def _size(self, queue: str) -> int:
            found = store.find(queue)
            return len(found.ready) if found else 0

        def _purge(self, queue: str) -> int:
            size = self._size(queue)
            if size:
                store.find(queue).ready.clear()  # type: ignore[union-attr] # it has a size
            return size

        def _delete(self, queue: str, *_args: Any, **_kwargs: Any) -> None:
            store.delete(queue)

        def basic_consume(self, queue: str, no_ack: bool = False, *args: Any, **kwargs: Any) -> None:
            tap.check(amqp_rules.check_consumer, queue, kwargs.get("arguments") or {})
            super().basic_consume(queue, no_ack, *args, **kwargs)
            if no_ack:
                self._unacked_queues.add(queue)
            found = store.find(queue)
            if found is not None:
                found.consumers[self] = None
                store.serve(found)

        def basic_cancel(self, consumer_tag: str) -> None:
            queue = self._tag_to_queue.get(consumer_tag)
            super().basic_cancel(consumer_tag)
            if queue is not None and queue not in self._active_queues:
                store.leave(self, queue)

        def basic_qos(self, *args: Any, **kwargs: Any) -> None:
            super().basic_qos(*args, **kwargs)
            store.serve_all()

        def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
            super().basic_ack(delivery_tag, multiple)
            store.held.pop(delivery_tag, None)
            store.serve_all()

        def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
            super().basic_reject(delivery_tag, requeue)
            store.held.pop(delivery_tag, None)
            store.serve_all()

        def drain_events(self, timeout: Any = None, callback: Any = None) -> None:
            if not self.inbox:
                raise Empty
            message, queue = self.inbox.popleft()
            if queue in self._unacked_queues:
                store.held.pop(message["properties"]["delivery_tag"])
            (callback or self.connection._deliver)(message, queue)

        def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
            message = super().basic_get(queue, no_ack, **kwargs)
            if message is not None and no_ack:
                store.held.pop(message.delivery_tag)
            return message

        def _restore(self, message: Any) -> None:
            message.delivery_info["redelivered"] = True
            store.put_back(message.delivery_tag, message.serializable() | {"redelivered": True})

        def close(self) -> None:
            if not self.closed:
                # kombu's memory channel forgets its queues when it closes; its parent gives back what is unacked.
                unread = list(self.inbox)
                virtual.Channel.close(self)
                for message, _queue in unread:
                    self._restore(self.Message(message, channel=self))
                store.serve_all()

    class Transport(memory.Transport):
        global_state = virtual.BrokerState()
        # As every transport that has a server; fail_publish raises one of these.
        connection_errors = (*memory.Transport.connection_errors, OSError)

    # Named after the class is made: inside it, the name would be the class variable itself.
    Transport.Channel = Channel
    # None, so that a poll of an empty queue does not sleep.
    Transport.polling_interval = None
    return Transport


def _copy(message: dict[str, Any]) -> dict[str, Any]:
    """The message in a second queue: acked and marked apart from the first."""
    properties = message["properties"]
    info = {**properties["delivery_info"]}
    return {**message, "properties": {**properties, "delivery_tag": uuid(), "delivery_info": info}}
