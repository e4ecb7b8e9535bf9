"""kombu's Redis transport on a fakeredis server inside the process, one per cluster.

Real: the channel, its keys, priorities, the unacked hash and index, and the sweep that restores what is older
than the visibility timeout. Replaced: the poller, because there is no socket to poll; it pops with the
channel's own `_get`. And the client, unless keys have a prefix, by one that has no use for a network.
"""

from __future__ import annotations

from queue import Empty
from typing import Any

import fakeredis
from fakeredis import FakeRedisConnection
from kombu.transport import redis as kombu_redis
from kombu.utils.json import dumps, loads

from .broker import Held, Tap, held, tapped
from .clock import MICROSECONDS
from .redis_client import Client

# How many instants go by between two such counts: seldom enough to cost nothing.
SWEEP = 256


class RedisBroker:
    """A fakeredis server in this process. Satisfies `Broker`."""

    def __init__(self, tap: Tap, options: dict[str, Any]) -> None:
        self.tap = tap
        self.server = fakeredis.FakeServer()
        self.transport = _transport(tap, self.server)
        self.client: Any = Client(self.server)
        channel = self.transport.Channel
        settings = {name: options.get(name, getattr(channel, name, fallback)) for name, fallback in _SETTINGS.items()}
        self._prefix = settings["global_keyprefix"]
        self._separator = settings["sep"]
        self._steps = settings["priority_steps"]
        self._unacked = self._prefix + settings["unacked_key"]
        self._index = self._prefix + settings["unacked_index_key"]
        self._visible_after = settings["visibility_timeout"]
        self._throttle = max(1, settings["unacked_restore_throttle"])
        self._stored: Any = self.server.dbs[0]
        self._looks = 0
        self._sweep_every = settings["unacked_restore_interval"] * self._throttle

    def queued(self) -> list[Held]:
        return [held(name, loads(raw)) for name in self.tap.queues for raw in reversed(self._messages_of(name))]

    def has_messages(self) -> bool:
        # Into the server's dict, past the commands: a turn that finds nothing is what a cluster does most.
        return any(key.encode() in self._stored for name in self.tap.queues for key in self._keys(name))

    def unacked(self) -> list[Held]:
        """What was delivered and not acked, whether its worker lives or not."""
        entries = [loads(raw) for raw in self.client.hvals(self._unacked)]
        return [held(routing_key, message) for message, _exchange, routing_key in entries]

    def lose(self) -> None:
        for name in (*self.tap.queues, *self.tap.replies):
            self.client.delete(*self._keys(name))
        self.client.delete(self._unacked, self._index)

    def put(self, queue: str, message: dict[str, Any]) -> None:
        self.client.lpush(self._prefix + queue, dumps(message))

    def abandon(self, connection: Any) -> None:
        for channel in list(connection.transport.channels):
            # A killed process gives nothing back: what it held stays in the unacked hash until it is overdue.
            if channel._qos is not None:
                channel._qos._delivered.clear()
                channel._qos._dirty.clear()
        connection.close()

    def next_restore(self, started: int, ticks: int) -> int | None:
        self._looks += 1
        if self._looks % SWEEP == 0:
            # Results have a lifetime, but a fake Redis drops what is dead only when it counts its keys.
            self.client.dbsize()
        if self._index.encode() not in self._stored:
            return None
        oldest = self.client.zrange(self._index, 0, 0, withscores=True)
        if not oldest:
            return None
        overdue = self._to_ticks(oldest[0][1] + self._visible_after, ticks)
        every = self._sweep_every * MICROSECONDS
        sweeps = max(-(-(overdue - started) // every), (ticks - started) // every + 1)
        return int(started + sweeps * every)

    def restore(self, connection: Any) -> None:
        # The transport sweeps on each nth call only; n calls are what its own timer makes in that time.
        for _ in range(self._throttle):
            connection.transport.cycle.maybe_restore_messages()

    def _to_ticks(self, wall: float, ticks: int) -> int:
        now = self.client.time()
        return int(ticks + round((wall - now[0] - now[1] / MICROSECONDS) * MICROSECONDS))

    def _keys(self, name: str) -> list[str]:
        return [self._prefix + (f"{name}{self._separator}{step}" if step else name) for step in self._steps]

    def _messages_of(self, name: str) -> list[bytes]:
        return [raw for key in self._keys(name) for raw in self.client.lrange(key, 0, -1)]


# The transport options that say where a Redis channel keeps things and when it restores them, and what they
# are in kombu 5.5, which has no options for the last two.
_SETTINGS: dict[str, Any] = {
    "global_keyprefix": "",
    "sep": "\x06\x16",
    "priority_steps": [0, 3, 6, 9],
    "unacked_key": "unacked",
    "unacked_index_key": "unacked_index",
    "visibility_timeout": 3600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 10,
}


class Poller(kombu_redis.MultiChannelPoller):
    """Takes the next message of any channel that may consume; raises `Empty` without one."""

    # kombu-stubs, part of celery-types, leave it out
    _channels: set[Any]

    def get(self, callback: Any, timeout: float | None = None) -> None:
        self._in_protected_read = True
        try:
            for channel in sorted(self._channels, key=lambda c: c.channel_id):
                if channel.active_queues and channel.qos.can_consume() and _deliver_one(channel):
                    return
            raise Empty
        finally:
            self._in_protected_read = False
            while self.after_read:
                self.after_read.pop()()


def _deliver_one(channel: Any) -> bool:
    for queue in list(channel._queue_cycle.consume(len(channel.active_queues))):
        try:
            message = channel._get(queue)
        except Empty:
            continue
        channel._queue_cycle.rotate(queue)
        channel.connection._deliver(message, queue)
        return True
    return False


def _transport(tap: Tap, fake_server: Any) -> type[Any]:
    class Channel(tapped(kombu_redis.Channel, tap)):  # type: ignore[misc] # a class made at run time
        _one_client: Any = None

        def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
            return {"connection_class": FakeRedisConnection, "server": fake_server, "db": 0}

        def _create_client(self, asynchronous: bool = False) -> Any:
            # kombu makes a client for each command, which redis-py has made dear; one per channel does the
            # same. Where keys have a prefix it is kombu's own, which adds it.
            if asynchronous:
                return super()._create_client(asynchronous=True)
            if self._one_client is None:
                self._one_client = super()._create_client() if self.global_keyprefix else Client(fake_server)
            return self._one_client

        def get_table(self, exchange: str) -> list[Any]:
            # A Redis set has no order of its own; the hash seed of the process must not choose one.
            return sorted(super().get_table(exchange))

    class Transport(kombu_redis.Transport):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.cycle = Poller()

    Transport.Channel = Channel
    return Transport
