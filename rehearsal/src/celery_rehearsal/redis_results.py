"""Celery's Redis backends on a fake Redis. Imported where an app has one: it needs the extra `redis`."""

from __future__ import annotations

from typing import Any

import redis
from celery.backends.redis import RedisBackend
from fakeredis import FakeRedisConnection

from .redis_client import Client
from .redis_pools import ANSWERS

# A fake Redis drops what is dead only when it counts its keys. How many results go by between two counts.
SWEEP = 256


def use_fake_redis(backend: Any, server: Any) -> None:
    """Connect Celery's Redis backend, or the Sentinel one, or a subclass, to a fakeredis server."""

    def pool(**params: Any) -> Any:
        kept = {name: params[name] for name in ANSWERS if name in params}
        return redis.ConnectionPool(connection_class=FakeRedisConnection, server=server, **kept)

    def client(**params: Any) -> Any:
        return Client(server, db=params.get("db") or 0)

    backend._get_pool = pool
    if _has_celerys_client(backend) and not backend.connparams.get("decode_responses"):
        backend._create_client = client
    _sweep(backend)


def _has_celerys_client(backend: Any) -> bool:
    ours = type(backend)
    return all(getattr(ours, name) is getattr(RedisBackend, name) for name in ("_create_client", "_get_client"))


def _sweep(backend: Any) -> None:
    store, stored = backend._set, [0]

    def store_and_sweep(*args: Any, **kwargs: Any) -> Any:
        stored[0] += 1
        if stored[0] % SWEEP == 0:
            backend.client.dbsize()
        return store(*args, **kwargs)

    backend._set = store_and_sweep
