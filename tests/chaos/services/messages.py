"""Messages taken from the broker as they are, and put there again as they were."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery import Celery

# What a broker adds when it delivers, and the headers, which AMQP counts among the properties.
DELIVERY = ("application_headers", "body_encoding", "cluster_id", "delivery_info", "delivery_tag")


@dataclass(frozen=True)
class Raw:
    """A message as it lies in a queue."""

    queue: str
    body: bytes | str
    headers: dict[str, Any] = field(hash=False)
    properties: dict[str, Any] = field(hash=False)

    def timeless(self) -> "Raw":
        """The same without its expiry: what a producer would send that knows none."""
        return Raw(self.queue, self.body, self.headers | {"expires": None, "eta": None}, self.properties)


def take(app: Celery, limit: int) -> list[Raw]:
    """Up to so many messages of each queue, which the broker then has no more."""
    found: list[Raw] = []
    with _queues(app) as queues:
        for queue in queues:
            for _ in range(limit):
                if (message := queue.get(no_ack=True)) is None:
                    break
                kept = {name: value for name, value in message.properties.items() if name not in DELIVERY}
                kept |= {"content_type": message.content_type, "content_encoding": message.content_encoding}
                if "expiration" in kept:  # milliseconds, as text; to be published again it is seconds
                    kept["expiration"] = int(kept["expiration"]) / 1000
                found.append(Raw(queue.name, message.body, dict(message.headers), kept))
    return found


def put(app: Celery, messages: Iterable[Raw]) -> int:
    """Publish them in this order; returns how many."""
    count = 0
    # A connection of its own: one of the pool may have been closed by a scenario.
    with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
        for count, raw in enumerate(messages, start=1):  # noqa: B007  # the number of the last one
            producer.publish(raw.body, exchange="", routing_key=raw.queue, headers=raw.headers, **raw.properties)
    return count


@contextmanager
def _queues(app: Celery) -> Iterator[list[Any]]:
    with app.connection_for_read() as connection, connection.channel() as channel:
        yield [queue(channel) for queue in app.amqp.queues.values()]
