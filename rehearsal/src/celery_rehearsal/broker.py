"""What the two brokers have in common: the faults of a broker, and a look at what it holds.

A broker here is a kombu transport class made for one cluster, so that nothing outlives it and two tests never
share a queue. The kombu code underneath is the real one; `Tap` only counts, remembers and breaks.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kombu.utils.uuid import uuid

if TYPE_CHECKING:
    from collections.abc import Callable

# How many published messages stay known for `deliver_twice`; without a bound, ten years would fill the
# memory.
REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Held:
    """A message as the broker holds it."""

    task: str
    id: str
    queue: str


class Broker(Protocol):
    """What a cluster asks of its broker."""

    transport: type[Any]
    tap: Tap

    def queued(self) -> list[Held]:
        """The messages no worker has taken, queue by queue, the next one first."""

    def has_messages(self) -> bool:
        """Whether any queue has a message; asked at every turn, so it must cost nothing."""

    def lose(self) -> None:
        """Forget every message; queues and bindings stay."""

    def put(self, queue: str, message: dict[str, Any]) -> None:
        """Append a message to a queue."""

    def abandon(self, connection: Any) -> None:
        """Drop a connection as a killed process does."""

    def next_restore(self, started: int, ticks: int) -> int | None:
        """When, in clock ticks, the transport restores the unacked messages of a lost worker; None for never."""

    def restore(self, connection: Any) -> None:
        """Let the transport bring back what is overdue."""


class Tap:
    """Sits where a channel publishes and rejects, for faults and for the timeline."""

    def __init__(self, on_reject: Callable[[Any, bool], None]) -> None:
        self.on_reject = on_reject
        self.failures = 0
        # In the order of their first message; a dict, because a set's order depends on the hash seed.
        self.queues: dict[str, None] = {}
        # Queues of the result backend rpc://, which hold no tasks.
        self.replies: dict[str, None] = {}
        self._failing = False
        self._recent: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()

    def before_publish(self) -> bool:
        """A task is about to be published: decide once whether that fails, its retries included, and tell."""
        self._failing = self.failures > 0
        self.failures -= self._failing
        return self._failing

    def publish(self, message: dict[str, Any]) -> None:
        """A channel publishes a message.

        Raises ConnectionRefusedError while a fault is on, which is what a broker that is down raises.
        """
        if self._failing and "task" in (message.get("headers") or {}):
            raise ConnectionRefusedError(111, "Connection refused (fail_publish)")

    def put(self, queue: str, message: dict[str, Any]) -> None:
        """A message reaches a queue; remember it for `deliver_twice`."""
        if queue in self.replies:
            return
        self.queues.setdefault(queue)
        id_ = (message.get("headers") or {}).get("id")
        if id_ is None:
            return
        # Not a copy, which would cost as much as publishing: what a delivery changes in it `twin` takes back.
        self._recent[id_] = (queue, message)
        self._recent.move_to_end(id_)
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)

    def twin(self, id_: str) -> tuple[str, dict[str, Any]] | None:
        """Queue and a copy of the message with that task id; None when it was never seen or is long gone."""
        found = self._recent.get(id_)
        if found is None:
            return None
        queue, message = found[0], copy.deepcopy(found[1])
        # A delivery tag names one delivery; two messages with the same would be acked as one.
        message["properties"]["delivery_tag"] = uuid()
        for marked in (message, message["headers"], message["properties"]["delivery_info"]):
            marked.pop("redelivered", None)
        return queue, message


def held(queue: str, message: dict[str, Any]) -> Held:
    """The message as `pending()` shows it."""
    headers = message.get("headers") or {}
    return Held(str(headers.get("task", "?")), str(headers.get("id", "?")), queue)


def tapped(channel: type[Any], tap: Tap) -> type[Any]:
    """A kombu virtual channel with the tap in it."""

    class TappedChannel(channel):  # type: ignore[misc] # a class given at run time
        def basic_publish(self, message: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            tap.publish(message)
            return super().basic_publish(message, *args, **kwargs)

        def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
            message = self.qos.get(delivery_tag)
            super().basic_reject(delivery_tag, requeue=requeue)
            tap.on_reject(message, requeue)

        def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
            tap.put(queue, message)
            super()._put(queue, message, **kwargs)

    return TappedChannel
