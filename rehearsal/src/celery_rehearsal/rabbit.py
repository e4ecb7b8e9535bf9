"""The queues of "memory", by the rules of RabbitMQ: who gets which message when, and where one goes back to."""

from __future__ import annotations

import heapq
import math
import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# In milliseconds, as RabbitMQ has it.
THOUSAND = 1_000


@dataclass(order=True, slots=True)
class Entry:
    """A message in its place: a more urgent one comes first, then the older one."""

    rank: int
    age: int
    message: dict[str, Any] = field(compare=False)
    queue: str = field(compare=False)
    # In monotonic seconds: when it is dropped if it is still in its queue, and when a consumer got it.
    deadline: float = field(default=math.inf, compare=False)
    since: float = field(default=0.0, compare=False)


@dataclass(eq=False, slots=True)
class StoredQueue:
    """What is ready in a queue, and its consumers, the next one first."""

    name: str
    declared: dict[str, Any] | None
    ready: list[Entry] = field(default_factory=list)
    consumers: dict[Any, None] = field(default_factory=dict)
    unused_since: float = 0.0

    @property
    def arguments(self) -> dict[str, Any]:
        """The x-arguments that it was declared with."""
        return self.declared["arguments"] if self.declared else {}

    def deadline_of(self, message: dict[str, Any]) -> float:
        """When a new message expires, by its own TTL or the queue's. Celery gives one to a task with `expires`."""
        limits = (message["properties"].get("expiration"), self.arguments.get("x-message-ttl"))
        return min(
            (time.monotonic() + int(limit) / THOUSAND for limit in limits if limit is not None), default=math.inf
        )

    def drop_expired(self) -> None:
        """Forget what has expired, as far as nothing is before it, as RabbitMQ does."""
        while self.ready and self.ready[0].deadline <= time.monotonic():
            heapq.heappop(self.ready)

    def expired(self) -> bool:
        """Whether nobody has used it for as long as x-expires says."""
        limit = self.arguments.get("x-expires")
        return limit is not None and not self.consumers and time.monotonic() - self.unused_since >= limit / THOUSAND


class Store:
    """Every queue of a broker, and what its consumers hold."""

    def __init__(self) -> None:
        self._queues: dict[str, StoredQueue] = {}
        # By delivery tag: what was handed to a consumer and is not acked, the oldest delivery first.
        self.held: dict[str, Entry] = {}
        self._ages = count()
        self._deliveries = count()

    def queues(self) -> Iterator[StoredQueue]:
        """Those that exist, in the order of their declaration."""
        return (queue for name in list(self._queues) if (queue := self.find(name)) is not None)

    def find(self, name: str) -> StoredQueue | None:
        """The queue; None where it does not exist, or no longer."""
        queue = self._queues.get(name)
        if queue is None:
            return None
        if queue.expired():
            del self._queues[name]
            return None
        queue.drop_expired()
        return queue

    def declare(self, name: str, declared: dict[str, Any] | None) -> StoredQueue:
        """Make a queue, unless there is one. Without a declaration it takes that of who declares it next."""
        queue = self.find(name)
        if queue is None:
            queue = self._queues[name] = StoredQueue(name, declared)
        queue.declared = queue.declared or declared
        queue.unused_since = time.monotonic()
        return queue

    def delete(self, name: str) -> None:
        """Forget a queue and what is ready in it."""
        self._queues.pop(name, None)

    def put(self, name: str, message: dict[str, Any]) -> None:
        """A new message; one that has no queue is gone."""
        queue = self.find(name)
        if queue is None:
            return
        urgent = min(int(message["properties"].get("priority") or 0), queue.arguments.get("x-max-priority", 0))
        heapq.heappush(queue.ready, Entry(-urgent, next(self._ages), message, name, queue.deadline_of(message)))
        self.serve(queue)

    def put_back(self, tag: str, message: dict[str, Any]) -> None:
        """What was held goes back to the place where it was."""
        entry = self.held.pop(tag, None)
        queue = None if entry is None else self.find(entry.queue)
        if entry is not None and queue is not None:
            entry.message = message
            heapq.heappush(queue.ready, entry)

    def take(self, queue: StoredQueue) -> dict[str, Any]:
        """The next message, from now on held."""
        entry = heapq.heappop(queue.ready)
        entry.since = queue.unused_since = time.monotonic()
        self.held[entry.message["properties"]["delivery_tag"]] = entry
        return entry.message

    def serve(self, queue: StoredQueue) -> None:
        """Hand out what is ready to the consumers that have room, in turns."""
        while queue.ready:
            channel = next((channel for channel in queue.consumers if channel.has_room()), None)
            if channel is None:
                return
            queue.consumers[channel] = queue.consumers.pop(channel)
            channel.inbox.append((self.take(queue), queue.name, next(self._deliveries)))
            queue.drop_expired()

    def serve_all(self) -> None:
        """Hand out what is ready in every queue."""
        for queue in self.queues():
            if queue.ready:
                self.serve(queue)

    def leave(self, channel: Any, name: str) -> None:
        """A consumer ends; a queue that was to live as long as its consumers goes with the last."""
        queue = self.find(name)
        if queue is None or channel not in queue.consumers:
            return
        del queue.consumers[channel]
        queue.unused_since = time.monotonic()
        if queue.declared and queue.declared["auto_delete"] and not queue.consumers:
            self.delete(name)
