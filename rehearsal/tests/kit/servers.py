"""Real servers for the tests that compare the kit with them; each skips without its server."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import redis
from kombu import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

REDIS = os.environ.get("REHEARSAL_REDIS", "redis://localhost:6379")
AMQP = os.environ.get("REHEARSAL_AMQP", "amqp://guest:guest@localhost:5672//")

# Seconds. Where no server listens, a connection is refused at once; a server on a busy machine answers late.
PATIENCE = 30

# Redis has sixteen databases. The first ones are used by applications and by tests that keep to a prefix of their own.
DATABASES = range(15, 2, -1)

# Marks a database as taken by one of these tests, so that those in other processes take another.
TAKEN = "rehearsal"

# Seconds after which the mark of a killed test goes: longer than each of these tests takes.
LONGEST = 900


@contextmanager
def own_redis() -> Iterator[tuple[str, redis.Redis]]:
    """Take an empty database of the Redis server; yield its URL and a client, and empty it afterwards."""
    server = urlsplit(REDIS)._replace(path="").geturl()
    for number in DATABASES:
        client = redis.Redis.from_url(f"{server}/{number}", socket_connect_timeout=PATIENCE)
        try:
            if client.dbsize() or not client.set(TAKEN, 1, nx=True, ex=LONGEST):
                continue
        except redis.ConnectionError as error:
            pytest.skip(f"no Redis answers ({error}): start one, or say in REHEARSAL_REDIS where it is")
        try:
            yield f"{server}/{number}", client
        finally:
            client.flushdb()
            client.close()
        return
    pytest.fail(f"none of the databases {DATABASES[-1]} to {DATABASES[0]} of Redis is empty: flush one that has no use")


def wake(client: redis.Redis) -> None:
    """Let each client that waits in the client's database have the answer that nothing came."""
    number = str(client.get_connection_kwargs()["db"])
    for one in client.client_list():
        if one["db"] == number and "b" in one["flags"]:
            client.client_unblock(int(one["id"]))


def check_rabbitmq() -> None:
    """Skip the test where no RabbitMQ answers."""
    with Connection(AMQP, connect_timeout=PATIENCE) as connection:
        try:
            connection.connect()
        except OSError as error:
            pytest.skip(f"no RabbitMQ answers ({error}): start one, or say in REHEARSAL_AMQP where it is")


def contents(client: redis.Redis) -> dict[str, int]:
    """The keys of a database, and how much is in each."""
    count: dict[Any, Any] = {b"list": client.llen, b"hash": client.hlen, b"zset": client.zcard, b"set": client.scard}
    keys: list[Any] = sorted(key for key in client.keys("*") if key != TAKEN.encode())
    return {key.decode(): int(count[client.type(key)](key)) for key in keys}
