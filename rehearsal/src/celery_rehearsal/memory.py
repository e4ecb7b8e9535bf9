"""kombu's memory transport by the rules of RabbitMQ, one per cluster.

kombu's own is a stand-in for tests: it drops what a lost worker held, knows no priorities, and delivers nothing until
it is asked. RabbitMQ hands a message to a consumer at once, as far as its prefetch count goes, and puts what comes
back where it was, marked as redelivered.
"""

from __future__ import annotations

import time
import warnings
from queue import Empty
from typing import TYPE_CHECKING, Any

from kombu.transport import memory, virtual

from .broker import Held, Tap, held, is_mailbox, tapped
from .clock import MICROSECONDS
from .errors import NotSimulatedWarning
from .limits import reason
from .memory_channel import MemoryChannel
from .patient import Patient
from .rabbit import Store, StoredQueue

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds. RabbitMQ's default: a message that is unacked for longer closes its channel.
CONSUMER_TIMEOUT = 30 * 60


class MemoryBroker:
    """Queues in this process. Satisfies `Broker`."""

    reads_all = True

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.store = Store()
        self.transport = _transport(self)
        self._warned = False

    def queued(self) -> list[Held]:
        return [
            held(queue.name, message)
            for queue in self._of_tasks()
            if not is_mailbox(queue.name)
            for message in (
                *(
                    message
                    for channel in queue.consumers
                    for message, name, _number in channel.inbox
                    if name == queue.name
                ),
                *(entry.message for entry in sorted(queue.ready)),
            )
        ]

    def has_messages(self) -> bool:
        return any(queue.ready or any(channel.inbox for channel in queue.consumers) for queue in self._of_tasks())

    def _of_tasks(self) -> list[StoredQueue]:
        return [queue for queue in self.store.queues() if queue.name not in self.tap.replies]

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
        message = NotSimulatedWarning(f"{task} is unacked after 30 minutes; {reason('consumer_timeout')}")
        warnings.warn(message, stacklevel=2)
        return None

    def restore(self, connection: Any, *, polls: bool) -> None:
        """Nothing waits: a lost connection gave everything back already."""


class InOrder:
    """Reads what has come over one connection, whose channels share a socket, in the order in which it came."""

    def __init__(self, read: Callable[..., Any], channels: list[Any], _predicate: Any) -> None:
        self._read, self._channels = read, channels

    def get(self, callback: Any, **options: Any) -> Any:
        """Read one message. Raises `Empty` without one."""
        waiting = [channel for channel in self._channels if channel.inbox]
        if not waiting:
            raise Empty
        return self._read(min(waiting, key=lambda channel: channel.inbox[0][-1]), callback, **options)

    def close(self) -> None:
        """Nothing is kept."""


def _transport(broker: MemoryBroker) -> type[Any]:
    class Transport(Patient, memory.Transport):  # type: ignore[misc] # the stubs name another parameter
        Cycle: Any = InOrder
        tap = broker.tap
        global_state = virtual.BrokerState()
        # As every transport that has a server; fail_publish raises one of these.
        connection_errors = (*memory.Transport.connection_errors, OSError)

        def has_news(self) -> bool:
            channels: Any = self.channels
            return any(channel.inbox for channel in channels)

    attributes = {"store": broker.store, "tap": broker.tap}
    Transport.Channel = type("Channel", (tapped(MemoryChannel, broker.tap),), attributes)
    # None, so that a poll of an empty queue does not sleep.
    Transport.polling_interval = None
    return Transport
