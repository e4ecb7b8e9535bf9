"""What the two brokers have in common: the faults of a broker, and a look at what it holds.

A broker here is a kombu transport class made for one cluster, so that nothing outlives it and two tests never
share a queue. The kombu code underneath is the real one; `Tap` only counts, remembers and breaks.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from kombu.utils.uuid import uuid

from .errors import NotSimulatedError

if TYPE_CHECKING:
    from collections.abc import Callable

# How many published messages stay known for `deliver_twice`; without a bound, ten years would fill the
# memory.
REMEMBERED = 1_000

# The end of the name of a queue of kombu's pidbox.
MAILBOX = ".pidbox"


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
    # Whether one read of a connection takes all messages that have come over it.
    reads_all: bool

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

    def restore(self, connection: Any, *, polls: bool) -> None:
        """Let the transport bring back what is overdue. `polls` says that the connection waits for messages already."""


class Publishing:
    """What the taps of a cluster's brokers have in common: Celery's signals do not say where a message goes."""

    def __init__(self) -> None:
        self.failures = 0
        self.failing = False
        # Where the message published last has arrived. No queues for a fanout: a tap does not see them.
        self.tap: Tap | None = None
        self.queues: list[str] = []
        self.fanout = False
        self.undeclared = False
        self.message: dict[str, Any] | None = None
        self.recent: OrderedDict[str, tuple[Tap, str, dict[str, Any]]] = OrderedDict()

    def before_publish(self) -> bool:
        """A task is about to be published: decide once whether that fails, its retries included, and tell."""
        self.failing = self.failures > 0
        self.failures -= self.failing
        return self.failing


class Tap:
    """Sits where a channel publishes and rejects, for faults and for the timeline. Each broker has its own."""

    def __init__(
        self,
        on_reject: Callable[[Any, bool], None],
        publishing: Publishing | None = None,
        refuse: Callable[[Exception], NoReturn] | None = None,
    ) -> None:
        self.on_reject = on_reject
        self._refuse = refuse
        self.publishing = publishing or Publishing()
        # In the order of their first message; a dict, because a set's order depends on the hash seed.
        self.queues: dict[str, None] = {}
        # Queues of the result backend rpc://, which hold no tasks.
        self.replies: dict[str, None] = {}
        # Lets time pass, at most so many microseconds, until something is true. Without a cluster nothing does.
        self.wait: Callable[[int, Callable[[], Any]], bool] | None = None

    def check(self, rule: Callable[..., None], *asked: Any) -> None:
        """Refuse what a rule refuses. A task that asks for it must not take the error for its own."""
        try:
            rule(*asked)
        except NotSimulatedError as error:
            if self._refuse is None:
                raise
            self._refuse(error)

    @property
    def failures(self) -> int:
        """How many publishes of tasks are still to fail."""
        return self.publishing.failures

    def publish(self, message: dict[str, Any], *, undeclared: bool) -> None:
        """A channel publishes a message.

        Raises ConnectionRefusedError while a fault is on, which is what a broker that is down raises.
        """
        if self.publishing.failing and "task" in (message.get("headers") or {}):
            raise ConnectionRefusedError(111, "Connection refused (fail_publish)")
        self.publishing.tap, self.publishing.queues, self.publishing.message = self, [], message
        self.publishing.fanout, self.publishing.undeclared = False, undeclared

    def put(self, queue: str, message: dict[str, Any]) -> None:
        """A message reaches a queue; remember it for `deliver_twice`."""
        if queue in self.replies or is_mailbox(queue):
            return
        self.queues.setdefault(queue)
        self.publishing.queues.append(queue)
        id_ = (message.get("headers") or {}).get("id")
        if id_ is None:
            return
        # Not a copy, which would cost as much as publishing: what a delivery changes in it `twin` takes back.
        recent = self.publishing.recent
        recent[id_] = (self, queue, message)
        recent.move_to_end(id_)
        if len(recent) > REMEMBERED:
            recent.popitem(last=False)

    def twin(self, id_: str) -> tuple[Tap, str, dict[str, Any]] | None:
        """Tap, queue and a copy of the message with that task id; None when it was never seen or is long gone."""
        found = self.publishing.recent.get(id_)
        if found is None:
            return None
        tap, queue, message = found[0], found[1], copy.deepcopy(found[2])
        # A delivery tag names one delivery; two messages with the same would be acked as one.
        message["properties"]["delivery_tag"] = uuid()
        for marked in (message, message["headers"], message["properties"]["delivery_info"]):
            marked.pop("redelivered", None)
        return tap, queue, message


def is_mailbox(queue: str) -> bool:
    """Whether a queue holds commands of remote control or the replies to them."""
    return queue.endswith(MAILBOX)


def held(queue: str, message: dict[str, Any]) -> Held:
    """The message as `pending()` shows it."""
    headers = message.get("headers") or {}
    return Held(str(headers.get("task", "?")), str(headers.get("id", "?")), queue)


def tapped(channel: type[Any], tap: Tap) -> type[Any]:
    """A kombu virtual channel with the tap in it."""

    class TappedChannel(channel):  # type: ignore[misc] # a class given at run time
        def basic_publish(self, message: dict[str, Any], exchange: str, *args: Any, **kwargs: Any) -> Any:
            # On Redis a process knows only the exchanges that it declared itself, and does without the others.
            known: Any = getattr(self.connection, "global_state", None)
            tap.publish(message, undeclared=bool(exchange and known) and exchange not in known.exchanges)
            return super().basic_publish(message, exchange, *args, **kwargs)

        def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
            message = self.qos.get(delivery_tag)
            super().basic_reject(delivery_tag, requeue=requeue)
            tap.on_reject(message, requeue)

        def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
            tap.put(queue, message)
            super()._put(queue, message, **kwargs)

        def _put_fanout(self, *args: Any, **kwargs: Any) -> Any:
            tap.publishing.fanout = True
            return super()._put_fanout(*args, **kwargs)

    return TappedChannel
