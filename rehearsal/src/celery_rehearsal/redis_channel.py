"""kombu's Redis channel without sockets. A cluster's own subclasses have its `broker`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis
from fakeredis import FakeRedisConnection
from kombu.transport import redis as kombu_redis

from .redis_poller import answers, hang_up

if TYPE_CHECKING:
    from .fake_redis import RedisBroker

# Seconds. What is taken at one instant has instants of its own within this time, and is overdue together.
TOGETHER = 0.001


class RedisQoS(kombu_redis.QoS):
    """Keeps the order of what is taken at one instant. On a server no two messages are taken at the same time."""

    broker: RedisBroker
    channel: Any

    def append(self, message: Any, delivery_tag: str) -> None:
        super().append(message, delivery_tag)
        self.broker.taken(delivery_tag)

    @property
    def visibility_timeout(self) -> Any:
        return self.channel.visibility_timeout - TOGETHER


class RedisChannel(kombu_redis.Channel):
    """A channel on the broker's fake server."""

    broker: RedisBroker
    # kombu-stubs, part of celery-types, leave them out
    global_keyprefix: str
    active_fanout_queues: Any
    _active_queues: list[str]

    @property
    def active_queues(self) -> Any:
        # A set in kombu 5.5, whose order, and with it that of BRPOP, depends on the hash seed of the process.
        return [queue for queue in self._active_queues if queue not in self.active_fanout_queues]

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return self._new_client()
        # kombu makes a client for each command, which redis-py has made dear; one for all channels does the same.
        clients = self.broker.clients
        if self.global_keyprefix not in clients:
            clients[self.global_keyprefix] = self._new_client()
        return clients[self.global_keyprefix]

    def _new_client(self) -> Any:
        return self.broker.new_client(self.global_keyprefix)

    def _get_pool(self, asynchronous: bool = False) -> Any:
        # Of it an app's own channel class makes clients.
        return redis.ConnectionPool(connection_class=FakeRedisConnection, server=self.broker.server)

    def basic_consume(self, *args: Any, **kwargs: Any) -> Any:
        tag = super().basic_consume(*args, **kwargs)
        # The BRPOP under way names the queues of before. A real one ends after a second.
        if not answers(self):
            hang_up(self)
        return tag

    def _basic_cancel(self, consumer_tag: str) -> Any:
        cancelled = super()._basic_cancel(consumer_tag)  # type: ignore[misc] # left out too
        if not answers(self):
            hang_up(self)
        return cancelled

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        self.broker.wait()
        super()._put(queue, message, **kwargs)

    def _put_fanout(self, *args: Any, **kwargs: Any) -> None:
        self.broker.wait()
        super()._put_fanout(*args, **kwargs)  # type: ignore[misc] # left out too

    def get_table(self, exchange: str) -> list[Any]:
        # A Redis set has no order of its own; the hash seed of the process must not choose one.
        return sorted(super().get_table(exchange))
