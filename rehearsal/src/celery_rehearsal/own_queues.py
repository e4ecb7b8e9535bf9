"""Queues that belong to one consumer, as AMQP has them: they go with it, and a message goes back to its own queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections import Counter


class OwnQueues:
    """Mixed into a virtual channel of kombu, which keeps such a queue and restores to every queue of the exchange.

    The channels of a broker share `consumers`, how many each queue has, and `temporary`, the auto-delete queues.
    """

    consumers: ClassVar[Counter[str]]
    temporary: ClassVar[set[str]]
    state: Any
    _tag_to_queue: dict[str, str]

    def queue_declare(self, queue: str = "", *args: Any, **options: Any) -> Any:
        if options.get("auto_delete"):
            self.temporary.add(queue)
        return super().queue_declare(queue, *args, **options)  # type: ignore[misc] # kombu's class comes after this one

    def basic_consume(self, queue: str, no_ack: bool, callback: Any, consumer_tag: str, **options: Any) -> None:
        def received(message: Any) -> Any:
            message.consumed_from = queue
            return callback(message)

        self.consumers[queue] += 1
        super().basic_consume(queue, no_ack, received, consumer_tag, **options)  # type: ignore[misc] # as above

    def basic_cancel(self, consumer_tag: str) -> None:
        queue = self._tag_to_queue.get(consumer_tag)
        super().basic_cancel(consumer_tag)  # type: ignore[misc] # as above
        if queue is None:
            return
        self.consumers[queue] -= 1
        if queue in self.temporary and not self.consumers[queue]:
            self._forget(queue)

    def _forget(self, queue: str) -> None:
        this: Any = self
        self.temporary.discard(queue)
        this.queue_delete(queue)
        # kombu leaves it in the tables by which an exchange finds its queues.
        for exchange in self.state.exchanges.values():
            exchange["table"] = [row for row in exchange.get("table", ()) if row[2] != queue]

    def _restore(self, message: Any) -> None:
        this: Any = self
        queue = message.consumed_from
        # A message of a queue that is gone is gone with it.
        if this._has_queue(queue):
            this._put(queue, message.serializable() | {"redelivered": True})
