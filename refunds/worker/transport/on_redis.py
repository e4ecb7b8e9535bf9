"""Guard kombu's Redis transport at each place where it reads what other clients can write.

These are a queue's list (BRPOP), a fanout message (pub/sub), the messages that workers hold (`unacked`), and the sets
of bindings. Unreadable messages go to the dead-letter list, and keys of the wrong type are renamed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from queue import Empty
from typing import Any

import redis
from kombu.transport import virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads

from .redis_keys import GuardedKeys, repairing
from .shape import shape
from .unreadable import LONGEST, is_wrong_type


def guarded(transport: type[Any]) -> type[Any]:
    """Return a guarded subclass of a Redis transport class, such as kombu's for Redis or Sentinel."""
    channel: Any = transport.Channel
    qos = type("GuardedQoS", (GuardedQoS, channel.QoS), {})
    made = type("GuardedChannel", (GuardedChannel, channel), {"QoS": qos})
    return type(f"Guarded{transport.__name__}", (transport,), {"Channel": made})


# The base of a guard. In a guarded class, the guard precedes kombu's class, which has no types.
_Kombus: Any = object


class GuardedQoS(_Kombus):  # type: ignore[misc]  # as above
    """Precedes kombu's Redis QoS, which stores the messages that workers hold, and restores them."""

    @repairing
    def append(self, message: Any, delivery_tag: str) -> None:
        """Store a message that this worker has taken."""
        super().append(message, delivery_tag)

    @repairing
    def ack(self, delivery_tag: str) -> None:
        """Delete a message that is done."""
        with self._place_kept_free(delivery_tag):
            super().ack(delivery_tag)

    @repairing
    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Delete a message, or put it back into its queue."""
        with self._place_kept_free(delivery_tag):
            super().reject(delivery_tag, requeue=requeue)

    @contextmanager
    def _place_kept_free(self, delivery_tag: str) -> Iterator[None]:
        """Free the message's place in the prefetch count even if Redis is down. Redis delivers the message again.

        Once unacknowledged messages take every place, kombu stops reading and never notices that its connection is
        lost: the worker hangs.
        """
        try:
            yield
        except self.channel.connection_errors:
            virtual.QoS.ack(self, delivery_tag)
            raise

    @repairing
    def restore_visible(self, *args: Any, **options: Any) -> None:
        """Put back the messages that workers have held for longer than the visibility timeout."""
        self.channel.move_endless_mutex_aside()
        super().restore_visible(*args, **options)

    @repairing
    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a held message back into its queue, or into the dead-letter list."""
        with self.channel.conn_or_acquire(client) as connected:
            held = connected.hget(self.unacked_key, tag)
            if held is not None and (reason := self.channel.fault_of_held(held)):
                self.channel.letters.keep(self.unacked_key, held, reason)
                self._remove_from_indices(tag).execute()
            else:
                super().restore_by_tag(tag, connected, leftmost)


class GuardedChannel(GuardedKeys):
    """Precedes kombu's Redis channel."""

    def fault(self, item: bytes) -> str:
        """Return why kombu cannot read and deliver the bytes of a message in Redis; empty if it can."""
        if len(item) > LONGEST:  # do not parse it: 12 MB of small objects take 15 seconds
            return _too_long(item)
        try:
            payload = loads(bytes_to_str(item))
            return shape(payload) or self._fault_of_kombus(payload)
        except Exception as error:  # the JSON hooks raise any error of date and UUID
            return f"{type(error).__name__}: {error}"

    def fault_of_held(self, value: bytes) -> str:
        """Return why kombu cannot put back an entry of `unacked`; empty if it can."""
        if len(value) > LONGEST:
            return _too_long(value)
        try:
            held = loads(bytes_to_str(value))
        except Exception as error:  # as above
            return f"{type(error).__name__}: {error}"
        match held:
            case [payload, str(exchange), str(key)]:
                return self._fault_of_return(payload, exchange, key)
            case _:
                return "it is not a list of a message, an exchange and a routing key"

    def _fault_of_return(self, payload: Any, exchange: str, key: str) -> str:
        try:
            if wrong := shape(payload) or self._fault_of_kombus(payload):
                return wrong
        except Exception as error:  # as above
            return f"{type(error).__name__}: {error}"
        try:
            queues = self._lookup(exchange, key)
        except self.connection_errors:
            raise
        except Exception as error:  # a key of another type, or a broken pattern of a topic exchange
            return f"its exchange cannot be looked up: {type(error).__name__}: {error}"
        return "" if queues else f"no queue is bound to the exchange {exchange!r} by the key {key!r}"

    def _fault_of_kombus(self, payload: Any) -> str:
        self.Message(payload, channel=self)  # decodes the body
        self._get_message_priority(payload)
        return ""

    # Guard the parser of Redis' client: it is the last place before kombu that has the bytes of an answer to BRPOP.
    def _create_client(self, asynchronous: bool = False) -> Any:
        client = super()._create_client(asynchronous=asynchronous)
        if asynchronous:
            vars(client)["parse_response"] = partial(self._reply, client)
        return client

    def _reply(self, client: Any, connection: Any, command_name: str, **options: Any) -> Any:
        try:
            reply = type(client).parse_response(client, connection, command_name, **options)
        except redis.ResponseError as error:
            if command_name != "BRPOP" or not is_wrong_type(error):
                raise
            self.move_aside()
            return None
        if command_name != "BRPOP" or not reply or self._is_readable(*reply):
            return reply
        return None  # kombu then waits for the next message

    @repairing
    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """Take the next readable message. `basic_get` and tests call this; kombu's event loop reads by BRPOP."""
        with self.conn_or_acquire() as client:
            for step in self.priority_steps:
                while (item := client.rpop(self._q_for_pri(queue, step))) is not None:
                    if self._is_readable(queue, item):
                        return loads(bytes_to_str(item))
        raise Empty

    def _is_readable(self, queue: str | bytes, item: bytes) -> bool:
        if reason := self.fault(item):
            self.letters.keep(bytes_to_str(queue), item, reason)
        return not reason

    @cached_property
    def subclient(self) -> Any:
        """The client that reads fanout messages, which remote control uses."""
        client: Any = super().subclient
        vars(client)["parse_response"] = partial(self._published, client)
        return client

    def _published(self, client: Any, *args: Any, **options: Any) -> Any:
        reply = type(client).parse_response(client, *args, **options)
        if not isinstance(reply, list | tuple) or not bytes_to_str(reply[0]).endswith("message"):
            return reply
        *head, channel, data = reply
        if not data or self._is_readable(channel, data):
            return reply
        return [*head, channel, b""]  # kombu ignores an empty message


def _too_long(item: bytes) -> str:
    return f"it is {len(item)} bytes long, and {LONGEST} are allowed"
