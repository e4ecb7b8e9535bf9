"""Real servers for the tests that compare the kit with them; each skips without its server."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis
from kombu import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

# Given as REHEARSAL_REDIS, one database of it is used by other tests too.
REDIS = os.environ.get("REHEARSAL_REDIS", "redis://localhost:6379")
RABBITMQ = os.environ.get("REHEARSAL_RABBITMQ", "amqp://guest:guest@localhost:5672//")

# A server on this machine answers in a thousandth of it.
PATIENCE = 2

# Marks a database as taken by one of these tests, so that those in other processes take another.
TAKEN = "rehearsal"


@contextmanager
def own_redis() -> Iterator[tuple[str, redis.Redis]]:
    """Take an empty database of the Redis server; yield its URL and a client, and empty it afterwards."""
    server = REDIS.rsplit("/", 1)[0] if REDIS.count("/") > 2 else REDIS
    for number in range(15, 0, -1):
        client = redis.Redis.from_url(f"{server}/{number}", socket_connect_timeout=PATIENCE)
        try:
            if client.dbsize() or not client.set(TAKEN, 1, nx=True):
                continue
        except redis.ConnectionError as error:
            pytest.skip(f"no Redis at {server}: {error}")
        try:
            yield f"{server}/{number}", client
        finally:
            client.flushdb()
            client.close()
        return
    pytest.fail(f"no database of {server} is empty")


def check_rabbitmq() -> None:
    """Skip the test where no RabbitMQ answers."""
    with Connection(RABBITMQ, connect_timeout=PATIENCE) as connection:
        try:
            connection.connect()
        except OSError as error:
            pytest.skip(f"no RabbitMQ at {RABBITMQ.rpartition('@')[-1]}: {error}")


def contents(client: redis.Redis) -> dict[str, int]:
    """The keys of a database, and how much is in each."""
    count: dict[Any, Any] = {b"list": client.llen, b"hash": client.hlen, b"zset": client.zcard, b"set": client.scard}
    keys: list[Any] = sorted(key for key in client.keys("*") if key != TAKEN.encode())
    return {key.decode(): int(count[client.type(key)](key)) for key in keys}
