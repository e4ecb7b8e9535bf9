"""Clients of redis-py that the app makes by host or URL: their pools hand out connections to the cluster's own Redis.

A pool keeps what it had before the cluster, for afterwards. A host that no app of the cluster names is left to the
guard of sockets, which refuses it by name.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import redis
from fakeredis import FakeRedisConnection
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis.asyncio import connection as asyncio_connection

from .patching import swap_attribute
from .redis_client import serve_blocked

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# What of a connection's parameters concerns the answers rather than the network.
ANSWERS = ("db", "decode_responses", "encoding", "encoding_errors")


class Visitor(FakeRedisConnection):
    """A connection of the app's. A worker that waits for the key that it sets gets its answer, as on Redis."""

    def _connect(self) -> Any:
        sock = super()._connect()
        vars(sock)["_process_command"] = partial(_then_serve, sock._process_command, sock._server)
        return sock


class AsyncVisitor(FakeAsyncRedisConnection):
    """The same for redis.asyncio."""


def _then_serve(process: Callable[[list[bytes]], None], server: Any, fields: list[bytes]) -> None:
    process(fields)
    serve_blocked(server)


def new_client(server: Any, **options: Any) -> Any:
    """Return a client of redis-py, made as an app makes it, on a server of the cluster."""
    pool: Any = redis.ConnectionPool(connection_class=Visitor, server=server, **options)
    return redis.Redis(connection_pool=pool)


def patch_pools(undo: ExitStack, server_at: Callable[[Any, Any], Any]) -> None:
    """Let each pool whose host an app names connect to the fake Redis there. `server_at` returns it, or None."""
    twins: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def twin_of(pool: Any, kind: type[Any], connection: type[Any]) -> Any:
        kwargs = pool.connection_kwargs
        if pool not in twins and "server" not in kwargs and {"host", "port"} & set(kwargs):
            server = server_at(kwargs.get("host"), kwargs.get("port"))
            if server is not None:
                kept = {name: kwargs[name] for name in ANSWERS if name in kwargs}
                twins[pool] = kind(connection_class=connection, server=server, **kept)
        return twins.get(pool)

    kinds: list[tuple[Any, type[Any]]] = [(redis.connection, Visitor), (asyncio_connection, AsyncVisitor)]
    for module, connection in kinds:
        twin = partial(twin_of, kind=module.ConnectionPool, connection=connection)
        _patch(undo, module.ConnectionPool, twin)
        _patch(undo, module.BlockingConnectionPool, twin)


def _patch(undo: ExitStack, owner: Any, twin_of: Callable[[Any], Any]) -> None:
    get, release = owner.get_connection, owner.release

    # Of a pool of coroutines, both return what it awaits.
    def get_connection(pool: Any, *args: Any, **options: Any) -> Any:
        twin = twin_of(pool)
        return get(pool, *args, **options) if twin is None else twin.get_connection(*args, **options)

    def give_back(pool: Any, connection: Any) -> Any:
        ours = isinstance(connection, Visitor | AsyncVisitor)
        twin = twin_of(pool) if ours and connection not in getattr(pool, "_in_use_connections", ()) else None
        return release(pool, connection) if twin is None else twin.release(connection)

    swap_attribute(undo, owner, "get_connection", get_connection)
    swap_attribute(undo, owner, "release", give_back)
