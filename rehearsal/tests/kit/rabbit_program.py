"""A program of kombu on RabbitMQ: the clients of one broker, and what they take."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kombu import Exchange, Queue
from kombu.utils.uuid import uuid

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds that a client waits for what can be under way.
SOON = 0.05
# Looks one after the other that find nothing. After each of them the server answers a question, so its processes have
# had time to do what was left, however busy the machine is.
MISSES = 4
# Seconds after which a message is long gone that should be; a limit for a hang, not a measure.
PATIENCE = 60


class Program:
    """Clients of one broker. What they take is in `taken`, as (queue, body, redelivered)."""

    def __init__(self, connect: Callable[[], Any], shift: Callable[[float], None] | None = None) -> None:
        self._connect = connect
        # Moves the clock of a broker that has none of its own.
        self._shift = shift
        self.connections: list[Any] = []
        self.taken: list[tuple[str, Any, bool]] = []
        self.messages: list[Any] = []
        # Names of its own, so that what another run left on a server is not seen.
        self._mark = uuid()
        self._declared: list[Any] = []
        self._consumed: dict[int, Queue] = {}

    def connection(self) -> Any:
        """Open one more connection."""
        self.connections.append(self._connect())
        return self.connections[-1]

    def queue(self, name: str, exchange: Exchange | None = None, key: str | None = None, **options: Any) -> Queue:
        """A queue of this program."""
        found = Queue(f"{name}.{self._mark}", exchange or "", f"{name}.{self._mark}" if key is None else key, **options)
        self._declared.append(found)
        return found

    def exchange(self, kind: str) -> Exchange:
        """An exchange of this program."""
        found = Exchange(f"{kind}.{self._mark}", type=kind)
        self._declared.append(found)
        return found

    def send(self, queue: Queue, *bodies: Any, key: str | None = None, **options: Any) -> None:
        """Send messages to a queue, or to its exchange with a key."""
        with self._connect() as connection, connection.Producer() as producer:
            where = queue.routing_key if key is None else key
            for body in bodies:
                producer.publish(body, exchange=queue.exchange, routing_key=where, declare=[queue], **options)

    def consumer(self, *queues: Queue, prefetch: int = 0, ack: bool = True) -> Any:
        """Open a connection that consumes the queues, and take what is there."""
        connection = self.connection()
        channel = connection.default_channel
        for queue in queues:

            def take(body: Any, message: Any, name: str = queue.name) -> None:
                redelivered = bool((message.delivery_info or {}).get("redelivered"))
                self.taken.append((name.partition(".")[0], body, redelivered))
                self.messages.append(message)
                if ack:
                    message.ack()

            consumer = connection.Consumer([queue(channel)], callbacks=[take], accept=["json"])
            channel.basic_qos(0, prefetch, True)
            consumer.consume()
            self._consumed[id(connection)] = queue
        self.drain(connection)
        return connection

    def drain(self, connection: Any) -> None:
        """Take what is there."""
        misses = 0
        while misses < MISSES:
            before = len(self.taken)
            with suppress(TimeoutError):
                connection.drain_events(timeout=SOON)
            # The answer comes after all that the channel was to deliver when it was asked.
            self._consumed[id(connection)](connection.default_channel).queue_declare(passive=True)
            misses = misses + 1 if len(self.taken) == before else 0

    def pass_by(self, seconds: float, *emptied: Queue) -> None:
        """Wait until a message that lives so long is gone, and until queues are empty that are to be then."""
        if self._shift:
            self._shift(seconds)
            return
        mark = self.queue("mark")
        self.send(mark, 0, expiration=seconds)
        limit = time.monotonic() + PATIENCE
        while any(self.size(queue) for queue in (mark, *emptied)):
            assert time.monotonic() < limit, f"messages of {seconds:g} s are not gone after {PATIENCE} s"
            time.sleep(SOON)

    def bodies(self) -> list[Any]:
        """The bodies taken so far."""
        return [body for _queue, body, _redelivered in self.taken]

    def size(self, queue: Queue) -> Any:
        """How many messages are ready; None without a queue."""
        with self._connect() as connection:
            try:
                return connection.default_channel.queue_declare(queue.name, passive=True).message_count
            except connection.channel_errors:
                return None

    def close(self) -> None:
        """Close what is open, and delete what was declared."""
        for connection in self.connections:
            connection.release()
        with self._connect() as connection:
            for made in self._declared:
                made(connection.default_channel).delete()
