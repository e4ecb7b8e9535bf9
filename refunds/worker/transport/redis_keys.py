"""Rename keys of kombu's Redis transport that have the wrong type, and repeat the command."""

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any

import redis

from .unreadable import DeadLetters, is_wrong_type

# The base of a guard. In a guarded class, the guard precedes kombu's class, which has no types.
_Kombus: Any = object


def repairing(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method of a channel or a QoS rename keys of the wrong type and run once more."""

    @wraps(method)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        try:
            return method(self, *args, **options)
        except redis.ResponseError as error:
            if not is_wrong_type(error):
                raise
            getattr(self, "channel", self).move_aside()
            return method(self, *args, **options)

    return call


class GuardedKeys(_Kombus):  # type: ignore[misc]  # as above
    """Precedes kombu's Redis channel, and repairs its keys."""

    @cached_property
    def letters(self) -> DeadLetters:
        """The list that keeps unreadable messages."""
        # Make a client without a prefix: kombu's client adds the key prefix only to some commands.
        return DeadLetters(lambda: redis.Redis(connection_pool=self.pool), self.global_keyprefix)

    def get_table(self, exchange: str) -> list[Any]:
        """Return the bindings of an exchange, without malformed ones."""
        return [row for row in self._table(exchange) if len(row) == 3]  # noqa: PLR2004  # key, pattern, queue

    @repairing
    def _table(self, exchange: str) -> Any:
        return super().get_table(exchange)

    @repairing
    def _queue_bind(self, *args: Any, **options: Any) -> None:
        super()._queue_bind(*args, **options)

    def _size(self, queue: str) -> int:
        try:
            return int(super()._size(queue))
        except redis.ResponseError as error:
            if not is_wrong_type(error):
                raise
            self.move_aside(queue)
            return int(super()._size(queue))

    def move_aside(self, *queues: str) -> None:
        """Rename each key of this transport that has the wrong type. Check the known queues, and `queues`."""
        names = {*queues, *self._active_queues, *self.state.queue_index}
        kinds = {self._q_for_pri(name, step): "list" for name in names for step in self.priority_steps}
        kinds |= {self.unacked_key: "hash", self.unacked_index_key: "zset", self.unacked_mutex_key: "string"}
        for exchange in {*self.state.exchanges, ""}:
            kinds[self.keyprefix_queue % exchange] = "set"
            # kombu 5.7 has these two prefixes, kombu 5.5 has not
            kinds[getattr(self, "keyprefix_binding_permanent", self.keyprefix_queue) % exchange] = "set"
        if deadlines := getattr(self, "keyprefix_binding_deadlines", ""):
            kinds[deadlines] = "zset"
        self.letters.move_aside({self.global_keyprefix + key: kind for key, kind in kinds.items()})

    def move_endless_mutex_aside(self) -> None:
        """Rename the mutex of restoring if it expires never, or later than kombu's (300 s): it blocks every restore."""
        key = self.global_keyprefix + self.unacked_mutex_key
        with redis.Redis(connection_pool=self.pool) as client:
            left = client.ttl(key)
            if left == -1 or left > self.unacked_mutex_expire:
                self.letters.move_aside({key: "a lock that expires"})
