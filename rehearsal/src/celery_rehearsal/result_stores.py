"""The stores that the kit can stand for: Redis, memcached, and the dates of files."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import redis
from celery.backends import cache
from celery.backends.redis import RedisBackend
from celery.states import READY_STATES
from fakeredis import FakeRedisConnection
from kombu.utils.encoding import bytes_to_str

from .errors import BadUseError
from .patching import swap_item
from .redis_client import Client
from .redis_pools import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# A fake Redis drops what is dead only when it counts its keys. How many results go by between two counts.
SWEEP = 256

# Memcached takes a longer lifetime, in seconds, for an instant.
LONGEST_LIFETIME = 30 * 86_400


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


def date_files(backend: Any) -> None:
    """Date the files of Celery's filesystem backend by the cluster's clock: its cleanup asks how old they are."""
    write = backend.set

    def write_dated(key: Any, value: Any) -> None:
        write(key, value)
        os.utime(backend._filename(key), (time.time(), time.time()))

    backend.set = write_dated


def refuse_old_results(backend: Any, refuse: Callable[[Exception], Any], stored: set[str]) -> None:
    """Refuse a task whose id has a result from before this cluster. `stored` are the ids that it has stored."""
    store = backend.store_result

    def store_new(task_id: Any, *args: Any, **kwargs: Any) -> Any:
        if task_id not in stored:
            stored.add(task_id)
            state = backend.get_task_meta(task_id, cache=False)["status"]
            if state in READY_STATES:
                refuse(
                    BadUseError(
                        f"{type(backend).__name__} has a result of task {task_id} from before this cluster ({state}). "
                        "The seed decides task ids, so those of two clusters are equal: empty the store between "
                        "them, give each its own, as in a temporary folder, or give each another seed="
                    )
                )
        return store(task_id, *args, **kwargs)

    backend.store_result = store_new


def install_memcached(undo: ExitStack) -> None:
    """Give Celery's cache backend a memcached in memory, for every name that it has for memcached."""
    store: dict[str, tuple[Any, float]] = {}
    clients: Any = vars(cache)["backends"]
    for name in [name for name in clients if name != "memory"]:
        swap_item(undo, clients, name, lambda: (lambda *_args, **_options: Memcached(store), bytes_to_str))


class Memcached:
    """What Celery's cache backend asks of a memcached client. `lifetime` is in seconds, 0 for ever."""

    def __init__(self, store: dict[str, tuple[Any, float]]) -> None:
        self._store = store

    def get(self, key: str) -> Any:
        value, dies = self._store.get(key, (None, 0.0))
        if dies and dies <= time.time():
            del self._store[key]
            return None
        return value

    def get_multi(self, keys: list[str]) -> dict[str, Any]:
        return {key: value for key in keys if (value := self.get(key)) is not None}

    def set(self, key: str, value: Any, time: float | None = 0) -> bool:
        self._store[key] = (value, _dies(time))
        return True

    def delete(self, key: str) -> bool:
        return self._store.pop(key, None) is not None

    def incr(self, key: str, delta: int = 1) -> int | None:
        if (value := self.get(key)) is None:
            return None
        total = int(value) + delta
        self._store[key] = (total, self._store[key][1])
        return total

    def touch(self, key: str, time: float | None = 0) -> bool:
        if (value := self.get(key)) is None:
            return False
        self._store[key] = (value, _dies(time))
        return True


def _dies(lifetime: float | None) -> float:
    if not lifetime:
        return 0.0
    return lifetime if lifetime > LONGEST_LIFETIME else time.time() + lifetime


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
