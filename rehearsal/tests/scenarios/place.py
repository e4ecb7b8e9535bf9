"""Places on real servers that nobody else uses, and what is left in them."""

from __future__ import annotations

import os
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import kombu
import redis
from kombu.utils.json import loads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .stage import Stage

REDIS = os.environ.get("REHEARSAL_REDIS", "")
AMQP = os.environ.get("REHEARSAL_AMQP", "")

# Seconds that RabbitMQ may take to give back what a dead connection held.
GIVEN_BACK = 1.0

# Messages by queue: ready and unacked.
Left = dict[str, list[int]]


class Place(Protocol):
    """Where the messages of one worker are."""

    broker: str
    prefix: str
    settings: dict[str, Any]

    def ready(self, stage: Stage) -> dict[str, int]:
        """How many messages each of the scenario's queues holds."""

    def unacked(self, stage: Stage, ready: dict[str, int]) -> dict[str, int]:
        """How many messages a worker held that is dead by now."""


def lack(broker: str) -> str:
    """Why a real worker cannot run on "redis" or "amqp" (with results in Redis); empty where it can."""
    wanted = {"REHEARSAL_REDIS": REDIS} | ({"REHEARSAL_AMQP": AMQP} if broker == "amqp" else {})
    return ", ".join(f"{name} names no server" for name, url in wanted.items() if not url)


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
        }

    def ready(self, stage: Stage) -> dict[str, int]:
        with redis.Redis.from_url(REDIS) as client:
            keys = [key.decode() for key in client.scan_iter(f"{self._keyprefix}{stage.name}*", _type="list")]
            found = {key: int(client.llen(key)) for key in keys}
        # A queue's further lists are its priorities.
        names = {key: key.removeprefix(self._keyprefix).partition("\x06")[0] for key in found}
        return {name: sum(found[key] for key in keys if names[key] == name) for name in names.values()}

    def unacked(self, stage: Stage, ready: dict[str, int]) -> dict[str, int]:
        with redis.Redis.from_url(REDIS) as client:
            held = [loads(raw)[2] for raw in client.hvals(f"{self._keyprefix}unacked")]
        return {name: held.count(name) for name in stage.names}


class AmqpPlace:
    """Queues with a prefix of their own in a RabbitMQ; results are in Redis. Satisfies `Place`."""

    broker = AMQP

    def __init__(self, keyprefix: str) -> None:
        self.prefix = keyprefix
        self.settings: dict[str, Any] = {"result_backend_transport_options": {"global_keyprefix": keyprefix}}

    def ready(self, stage: Stage) -> dict[str, int]:
        with kombu.Connection(AMQP) as connection:
            return {name.removeprefix(self.prefix): _count(connection, name) for name in stage.names}

    def unacked(self, stage: Stage, ready: dict[str, int]) -> dict[str, int]:
        return {name: total - ready[name] for name, total in self.ready(stage).items()}


def _count(connection: Any, name: str) -> int:
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(name, passive=True).message_count)
        except connection.channel_errors:
            return 0


@contextmanager
def place(broker: str) -> Iterator[Any]:
    """A place on "redis" or "amqp", emptied at the end of the block."""
    keyprefix = _keyprefix()
    try:
        yield RedisPlace(keyprefix) if broker == "redis" else AmqpPlace(keyprefix)
    finally:
        with redis.Redis.from_url(REDIS) as client:
            for key in client.scan_iter(f"{keyprefix}*"):
                client.delete(key)


def drop(found: Place, stages: list[Stage]) -> None:
    """Delete the scenarios' queues and exchanges from RabbitMQ."""
    if not isinstance(found, AmqpPlace):
        return
    with kombu.Connection(AMQP) as connection:
        for name in {name for stage in stages for name in stage.names}:
            for delete in ("queue_delete", "exchange_delete"):
                with connection.channel() as channel:
                    getattr(channel, delete)(name)


def left(found: Place, stage: Stage, ready: dict[str, int]) -> Left:
    """What is left of a scenario's messages, after the worker is dead; `ready` was counted while it lived."""
    held = found.unacked(stage, ready)
    return {name: [ready.get(name, 0), held.get(name, 0)] for name in {*ready, *held}}


def wait_until_given_back() -> None:
    """Let RabbitMQ notice dead connections."""
    time.sleep(GIVEN_BACK)
