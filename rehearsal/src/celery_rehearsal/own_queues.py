"""Queues that belong to one consumer, as AMQP has them: they go with it, and a message goes back to its own queue."""

from __future__ import annotations

from collections import Counter
from typing import Any


def with_own_queues(channel: type[Any]) -> type[Any]:
    """A virtual channel that deletes an auto-delete queue with its last consumer, and gives back to one queue alone.

    kombu's virtual channels keep such a queue, and give what is unacked back to every queue of its exchange.
    """
    consumers: Counter[str] = Counter()
    temporary: set[str] = set()

    class Channel(channel):  # type: ignore[misc] # a class given at run time
        def queue_declare(self, queue: str = "", *args: Any, **options: Any) -> Any:
            if options.get("auto_delete"):
                temporary.add(queue)
            return super().queue_declare(queue, *args, **options)

        def basic_consume(self, queue: str, no_ack: bool, callback: Any, consumer_tag: str, **options: Any) -> Any:
            def received(message: Any) -> Any:
                message.consumed_from = queue
                return callback(message)

            consumers[queue] += 1
            return super().basic_consume(queue, no_ack, received, consumer_tag, **options)

        def basic_cancel(self, consumer_tag: str) -> None:
            queue = self._tag_to_queue.get(consumer_tag)
            super().basic_cancel(consumer_tag)
            if queue is None:
                return
            consumers[queue] -= 1
            if queue in temporary and not consumers[queue]:
                temporary.discard(queue)
                self.queue_delete(queue)
                # kombu leaves it in the tables by which an exchange finds its queues.
                for exchange in self.state.exchanges.values():
                    exchange["table"] = [row for row in exchange.get("table", ()) if row[2] != queue]

        def _restore(self, message: Any) -> None:
            queue = getattr(message, "consumed_from", None)
            if queue is None:
                super()._restore(message)
            elif self._has_queue(queue):
                self._put(queue, message.serializable() | {"redelivered": True})

    return Channel
