"""kombu's Redis transport on a fakeredis server inside the process, one per cluster.

Real: the channel, its BRPOP and its subscriptions, keys, priorities, the unacked hash and index, and the sweep that
restores what is older than the visibility timeout. Replaced: the poller, because there is no socket to poll, and
the clients, by ones that have no use for a network.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import fakeredis
from kombu import Connection
from kombu.transport import redis as kombu_redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads

from .broker import Held, Tap, held, tapped
from .clock import MICROSECONDS
from .patient import Patient
from .redis_channel import TOGETHER, RedisChannel, RedisQoS
from .redis_client import Client, PrefixedClient
from .redis_poller import Poller, answers, hang_up

if TYPE_CHECKING:
    from collections.abc import Iterator

# How many instants go by between two such counts: seldom enough to cost nothing.
SWEEP = 256

# What `unacked_restore_interval` (seconds) and `unacked_restore_throttle` are in kombu 5.5, which has no such options.
RESTORE = 10


class RedisBroker:
    """A fakeredis server in this process. Satisfies `Broker`."""

    reads_all = False

    def __init__(self, tap: Tap, options: dict[str, Any]) -> None:
        self.tap = tap
        self.server = fakeredis.FakeServer()
        # For commands that do not wait, by the prefix of their keys.
        self.clients: dict[str, Any] = {}
        # Of the connections that are open, the oldest first.
        self.pollers: dict[Poller, None] = {}
        self.transport = _transport(self)
        # Consumes nothing: it knows the options, and names keys as every other channel does.
        connection: Any = Connection(transport=self.transport, transport_options=options)
        self._channel = connection.channel()
        self._prefix = self._channel.global_keyprefix
        # To make one takes longer than all else in here.
        self.client: Any = self.new_client("") if self._prefix else self._channel.client
        self._unacked = self._prefix + self._channel.unacked_key
        self._index = self._prefix + self._channel.unacked_index_key
        self._throttle = max(1, getattr(self._channel, "unacked_restore_throttle", RESTORE))
        # kombu takes its default in place of an interval of zero.
        every = getattr(self._channel, "unacked_restore_interval", RESTORE)
        self._sweep_every = (every if every > 0 else RESTORE) * self._throttle
        self._stored: Any = self.server.dbs[0]
        # The keys of each queue that the tap has seen.
        self._raw_keys: dict[str, list[bytes]] = {}
        self._looks = 0
        # When the last message was taken (wall-clock seconds), and how many before it at that instant.
        self._last_taken, self._together = 0.0, 0

    def new_client(self, prefix: str) -> Any:
        """Return a client on a connection of its own, which puts the prefix before the names of keys."""
        return PrefixedClient(self.server, prefix) if prefix else Client(self.server)

    def queued(self) -> list[Held]:
        taken = [(name, raw) for _key, name, raw in self._under_way()]
        return [
            held(name, loads(raw))
            for name in self.tap.queues
            for raw in (
                *(raw for queue, raw in taken if queue == name),
                *reversed(self._messages_of(name)),
            )
        ]

    def has_messages(self) -> bool:
        # Into the server's dict, past the commands: a turn that finds nothing is what a cluster does most.
        if any(poller.ready() for poller in self.pollers):
            return True
        if len(self._raw_keys) < len(self.tap.queues):
            self._raw_keys = {name: [key.encode() for key in self._keys(name)] for name in self.tap.queues}
        return any(key in self._stored for keys in self._raw_keys.values() for key in keys)

    def unacked(self) -> list[Held]:
        """What was delivered and not acked, whether its worker lives or not."""
        if not self._channel.ack_emulation:
            # Redis does not know: it is with the workers alone.
            return [
                held(message.delivery_info["routing_key"], {"headers": message.headers})
                for channel in self._channels()
                for tag, message in channel.qos._delivered.items()
                if tag not in channel.qos._dirty
            ]
        entries = [loads(raw) for raw in self.client.hvals(self._unacked)]
        return [held(routing_key, message) for message, _exchange, routing_key in entries]

    def taken(self, tag: str) -> None:
        """A message is unacked from now on. kombu restores the latest first, and ties by a random tag."""
        now = time.time()
        self._together = self._together + 1 if now == self._last_taken else 0
        self._last_taken = now
        if self._together:
            self.client.zadd(self._index, {tag: now + min(self._together / MICROSECONDS, TOGETHER)})

    def lose(self) -> None:
        for channel in self._channels():
            hang_up(channel)
        for name in (*self.tap.queues, *self.tap.replies):
            self.client.delete(*self._keys(name))
        self.client.delete(self._unacked, self._index)

    def put(self, queue: str, message: dict[str, Any]) -> None:
        self.wait()
        priority = self._channel._get_message_priority(message)
        self.client.lpush(self._prefix + self._channel._q_for_pri(queue, priority), dumps(message))

    def wait(self) -> None:
        """Let every idle connection wait for messages, as they do at once in processes of their own."""
        for poller in self.pollers:
            poller.wait()

    def abandon(self, connection: Any) -> None:
        # It may be in the middle of a delivery, until whose end kombu would put off what closing does.
        connection.transport.cycle._in_protected_read = False
        for channel in list(connection.transport.channels):
            # A killed process gives nothing back: what it held stays in the unacked hash until it is overdue.
            if channel._qos is not None:
                channel._qos._delivered.clear()
                channel._qos._dirty.clear()
            # Its death came before the message did: no time has passed since.
            for key, raw in hang_up(channel):
                self.client.rpush(key, raw)
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
        overdue = self._to_ticks(oldest[0][1] + self._channel.visibility_timeout, ticks)
        every = self._sweep_every * MICROSECONDS
        sweeps = max(-(-(overdue - started) // every), (ticks - started) // every + 1)
        return int(started + sweeps * every)

    def restore(self, connection: Any, *, polls: bool) -> None:
        for poller in self.pollers:
            if polls or poller is not connection.transport.cycle:
                poller.wait()
        # The transport sweeps on each nth call only; n calls are what its own timer makes in that time.
        for _ in range(self._throttle):
            connection.transport.cycle.maybe_restore_messages()

    def _to_ticks(self, wall: float, ticks: int) -> int:
        now = self.client.time()
        return int(ticks + round((wall - now[0] - now[1] / MICROSECONDS) * MICROSECONDS))

    def _keys(self, name: str) -> list[str]:
        return [self._prefix + self._channel._q_for_pri(name, step) for step in self._channel.priority_steps]

    def _messages_of(self, name: str) -> list[bytes]:
        return [raw for key in self._keys(name) for raw in self.client.lrange(key, 0, -1)]

    def _channels(self) -> Iterator[Any]:
        return (channel for poller in self.pollers for channel in poller.in_order())

    def _under_way(self) -> Iterator[tuple[bytes, str, bytes]]:
        """Key, queue and message of what Redis has handed over and its worker has not read yet."""
        for channel in self._channels():
            for key, raw in answers(channel):
                name = bytes_to_str(key)[len(self._prefix) :].rsplit(channel.sep, 1)[0]
                yield key, name, raw


def _transport(broker: RedisBroker) -> type[Any]:
    class Transport(Patient, kombu_redis.Transport):  # type: ignore[misc] # the stubs name another parameter
        tap = broker.tap

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.cycle = Poller(broker.pollers)

        def has_news(self) -> bool:
            return bool(self.cycle.ready())

    qos = type("QoS", (RedisQoS,), {"broker": broker})
    # kombu's exchanges of fanout are one dict for all clusters.
    attributes = {"broker": broker, "QoS": qos, "_fanout_queues": {}}
    Transport.Channel = type("Channel", (tapped(RedisChannel, broker.tap),), attributes)
    return Transport
