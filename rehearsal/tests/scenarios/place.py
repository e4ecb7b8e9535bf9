"""Places on real servers that nobody else uses, and what is left in them."""

from __future__ import annotations

import os
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import kombu
import redis
from kombu.utils.json import loads

if TYPE_CHECKING:
    from collections.abc import Iterator

REDIS = os.environ.get("REHEARSAL_REDIS", "redis://localhost:6379/0")
AMQP = os.environ.get("REHEARSAL_AMQP", "amqp://guest:guest@localhost:5672")

# Seconds to find out that nobody answers.
PATIENCE = 3

# Seconds that RabbitMQ may take to give back what a dead connection held; a limit for a hang, not a measure.
GIVEN_BACK = 60
LOOK = 0.05

# Messages by queue: ready and unacked.
Left = dict[str, list[int]]


class Place(Protocol):
    """Where the messages of one worker are."""

    broker: str
    prefix: str
    settings: dict[str, Any]

    def ready(self, scenario: str) -> dict[str, int]:
        """How many messages each of the scenario's queues holds."""

    def unacked(self, scenario: str, ready: dict[str, int]) -> dict[str, int]:
        """How many messages a worker held that is dead by now."""


def lack(broker: str) -> str:
    """Why a real worker cannot run on "redis" or "amqp" (with results in Redis); empty where it can."""
    wanted = {"REHEARSAL_REDIS": REDIS} | ({"REHEARSAL_AMQP": AMQP} if broker == "amqp" else {})
    try:
        for url in wanted.values():
            with kombu.Connection(url, connect_timeout=PATIENCE) as connection:
                connection.connect()
    except Exception as error:  # each client has errors of its own, and any of them is a reason
        return f"no server answers ({error}): start one, or name it in {' and '.join(wanted)}"
    return ""


def _keyprefix() -> str:
    return f"rehearsal-{uuid.uuid4().hex[:8]}:"


class RedisPlace:
    """A prefix of keys in a Redis database. Satisfies `Place`."""

    broker = REDIS
    prefix = ""

    def __init__(self, keyprefix: str) -> None:
        self._keyprefix = keyprefix
        self.settings: dict[str, Any] = {
            "broker_transport_options": {"global_keyprefix": keyprefix},
            "result_backend_transport_options": {"global_keyprefix": keyprefix},
            "control_exchange": f"{keyprefix}control",
            "event_exchange": f"{keyprefix}events",
        }

    def ready(self, scenario: str) -> dict[str, int]:
        with redis.Redis.from_url(REDIS) as client:
            counts: Counter[str] = Counter()
            for key in client.scan_iter(f"{self._keyprefix}{scenario}*", _type="list"):
                # A queue's further lists are its priorities.
                name = key.decode().removeprefix(self._keyprefix).partition("\x06")[0]
                if _belongs(name, scenario):
                    counts[name] += int(client.llen(key))
            return counts

    def unacked(self, scenario: str, ready: dict[str, int]) -> dict[str, int]:
        with redis.Redis.from_url(REDIS) as client:
            held = [loads(raw)[2] for raw in client.hvals(f"{self._keyprefix}unacked")]
        return Counter(name for name in held if _belongs(name, scenario))


def _belongs(queue: str, scenario: str) -> bool:
    return queue.partition(".")[0] == scenario


class AmqpPlace:
    """Queues with a prefix of their own in a RabbitMQ; results are in Redis. Satisfies `Place`."""

    broker = AMQP

    def __init__(self, keyprefix: str) -> None:
        self.prefix = keyprefix
        # Queues by scenario: nobody else tells which there are.
        self.queues: dict[str, list[str]] = {}
        self.settings: dict[str, Any] = {
            "result_backend_transport_options": {"global_keyprefix": keyprefix},
            "control_exchange": f"{keyprefix}control",
            "event_exchange": f"{keyprefix}events",
        }

    def ready(self, scenario: str) -> dict[str, int]:
        with kombu.Connection(AMQP) as connection:
            return {name.removeprefix(self.prefix): _look(connection, name)[0] for name in self.queues[scenario]}

    def unacked(self, scenario: str, ready: dict[str, int]) -> dict[str, int]:
        self._wait_until_given_back(scenario)
        return {name: total - ready[name] for name, total in self.ready(scenario).items()}

    def _wait_until_given_back(self, scenario: str) -> None:
        # A queue forgets the consumers of a dead connection in the step in which it takes back what they held.
        ends = time.monotonic() + GIVEN_BACK
        with kombu.Connection(AMQP) as connection:
            while any(_look(connection, name)[1] for name in self.queues[scenario]):
                if time.monotonic() > ends:
                    raise RuntimeError(f"RabbitMQ has consumers of the dead worker of {scenario}")
                time.sleep(LOOK)


def _look(connection: Any, name: str) -> tuple[int, int]:
    # How many messages are ready, and how many consumers there are.
    with connection.channel() as channel:
        try:
            found = channel.queue_declare(name, passive=True)
        except connection.channel_errors:
            return 0, 0
        return found.message_count, found.consumer_count


@contextmanager
def place(broker: str) -> Iterator[Any]:
    """A place on "redis" or "amqp", emptied at the end of the block."""
    keyprefix = _keyprefix()
    found = RedisPlace(keyprefix) if broker == "redis" else AmqpPlace(keyprefix)
    try:
        yield found
    finally:
        if isinstance(found, AmqpPlace):
            drop(found)
        with redis.Redis.from_url(REDIS) as client:
            for key in client.scan_iter(f"{keyprefix}*"):
                client.delete(key)


def drop(found: AmqpPlace) -> None:
    """Delete queues and exchanges from RabbitMQ."""
    with kombu.Connection(AMQP) as connection:
        control = f"{found.prefix}control.pidbox"
        mine = {f"{found.prefix}default", f"{found.prefix}events", control, f"reply.{control}"}
        for name in {*mine, *chain.from_iterable(found.queues.values())}:
            for delete in ("queue_delete", "exchange_delete"):
                with connection.channel() as channel:
                    getattr(channel, delete)(name)


def left(found: Place, scenario: str, ready: dict[str, int]) -> Left:
    """What is left of a scenario's messages, after the worker is dead; `ready` was counted while it lived."""
    held = found.unacked(scenario, ready)
    return {name: [ready.get(name, 0), held.get(name, 0)] for name in {*ready, *held}}
