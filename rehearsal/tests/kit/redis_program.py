"""A program of kombu on Redis: the clients of one broker, and what they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kombu import Queue

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds that a client waits for what can be under way. A message takes a hundredth of it.
SOON = 0.1
# Looks one after the other that find nothing. The first can only have sent the BRPOP.
MISSES = 2
# Commands that the server answers after each of them, however busy the machine is. Before it reads the second one, it
# has sent all answers of the turn in which it read the first.
ANSWERS = 2


class Program:
    """Clients of one broker. What they take is in `taken`, as (queue, body)."""

    def __init__(
        self,
        connect: Callable[[dict[str, Any]], Any],
        keys: Callable[[], dict[str, int]],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._connect, self.keys, self._wake = connect, keys, wake
        # Lets seconds pass for kombu, which keeps the visibility timeout by its own clock.
        self.pass_by: Callable[[float], None]
        self.options: dict[str, Any] = {}
        # Those that are still open when the story ends are closed then.
        self.connections: list[Any] = []
        self.taken: list[tuple[str, Any]] = []
        self.messages: list[Any] = []

    def connection(self) -> Any:
        """Open one more connection."""
        self.connections.append(self._connect(self.options))
        return self.connections[-1]

    def release(self, connection: Any) -> None:
        """Close a connection; kombu waits for the answer to its BRPOP, so the server gives one."""
        self._wake()
        connection.release()

    def send(self, queue: str | Queue, *bodies: Any, priority: int | None = None, **options: Any) -> None:
        """Send messages to a queue."""
        given = queue if isinstance(queue, Queue) else Queue(queue)
        with self.connection() as connection, connection.Producer() as producer:
            for body in bodies:
                where = {"exchange": given.exchange, "routing_key": given.routing_key or given.name} | options
                producer.publish(body, priority=priority, declare=[given], **where)

    def consumer(self, *queues: str | Queue, prefetch: int = 0, ack: bool = True) -> Any:
        """Open a connection that consumes the queues."""
        connection = self.connection()
        channel = connection.default_channel
        channel.basic_qos(0, prefetch, False)
        for queue in queues:
            bound = (queue if isinstance(queue, Queue) else Queue(queue))(channel)

            def take(body: Any, message: Any, name: str = bound.name) -> None:
                self.taken.append((name, body))
                self.messages.append(message)
                if ack:
                    message.ack()

            consumer = connection.Consumer([bound], callbacks=[take], accept=["json"], prefetch_count=prefetch or None)
            consumer.consume()
        self.drain(connection)
        return connection

    def drain(self, connection: Any, times: int = 50) -> None:
        """Take what is there, `times` messages at most."""
        misses = 0
        while times and misses < MISSES:
            try:
                connection.drain_events(timeout=SOON)
                times, misses = times - 1, 0
            except TimeoutError:
                misses += 1
                for _ in range(ANSWERS):
                    self.keys()

    def sweep(self, connection: Any) -> None:
        """Let the transport bring back what is overdue, while its client waits: it looks on each tenth call."""
        self.drain(connection)
        for _ in range(10):
            connection.transport.cycle.maybe_restore_messages()

    def bodies(self) -> list[Any]:
        """The bodies taken so far."""
        return [body for _queue, body in self.taken]
