"""kombu's memory transport, one per cluster.

It stands for a broker that notices a lost connection: what a killed worker held comes back at once and is
marked redelivered, as AMQP does it. kombu's own memory transport drops those messages (`do_restore` is off),
because the process that holds the queues is the one that dies; here the broker outlives the worker.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar

from kombu.transport import memory, virtual

from .broker import Held, Tap, held, tapped

if TYPE_CHECKING:
    from queue import Queue


class MemoryBroker:
    """Queues in this process. Satisfies `Broker`."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.queues: dict[str, Queue[dict[str, Any]]] = {}
        self.transport = _transport(tap, self.queues)

    def queued(self) -> list[Held]:
        return [held(name, message) for name, queue in self._of_tasks() for message in queue.queue]

    def has_messages(self) -> bool:
        return any(queue.queue for _name, queue in self._of_tasks())

    def _of_tasks(self) -> list[tuple[str, Queue[dict[str, Any]]]]:
        return [item for item in self.queues.items() if item[0] not in self.tap.replies]

    def lose(self) -> None:
        for queue in self.queues.values():
            queue.queue.clear()

    def put(self, queue: str, message: dict[str, Any]) -> None:
        self.queues[queue].put(message)

    def abandon(self, connection: Any) -> None:
        connection.close()

    def next_restore(self, started: int, ticks: int) -> int | None:
        return None

    def restore(self, connection: Any) -> None:
        """Nothing waits: a lost connection gave everything back already."""


def _transport(tap: Tap, all_queues: dict[str, Queue[dict[str, Any]]]) -> type[Any]:
    class Channel(tapped(memory.Channel, tap)):  # type: ignore[misc] # a class made at run time
        queues = all_queues
        events: ClassVar[dict[str, set[Any]]] = defaultdict(set)
        do_restore = True

        def _restore(self, message: Any) -> None:
            message.delivery_info["redelivered"] = True
            super()._restore(message)

        def close(self) -> None:
            # kombu's memory channel forgets its queues when it closes; its parent class gives back what is
            # unacked.
            virtual.Channel.close(self)

    class Transport(memory.Transport):
        global_state = virtual.BrokerState()
        # As every transport that has a server; fail_publish raises one of these.
        connection_errors = (*memory.Transport.connection_errors, OSError)

    # Named after the class is made: inside it, the name would be the class variable itself.
    Transport.Channel = Channel
    # None, so that a poll of an empty queue does not sleep.
    Transport.polling_interval = None
    return Transport
