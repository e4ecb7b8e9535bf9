"""Where results go: the app's own result backend, its store faked, or refused where that is impossible."""

from __future__ import annotations

import functools
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

from celery.app.backends import BACKEND_ALIASES, by_url
from celery.backends import cache
from celery.backends.base import DisabledBackend
from celery.backends.filesystem import FilesystemBackend
from celery.backends.rpc import RPCBackend
from celery.utils.functional import LRUCache
from kombu.utils.url import maybe_sanitize_url

from . import extras, own_memory, result_stores, waiting
from .errors import NotSimulatedError
from .limits import reason
from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from .members import Part

# Celery's own backends whose store is a server that nothing here stands for. `database` is one unless it is SQLite.
SERVERS = {
    "celery.backends.arangodb",
    "celery.backends.azureblockblob",
    "celery.backends.cassandra",
    "celery.backends.consul",
    "celery.backends.cosmosdbsql",
    "celery.backends.couchbase",
    "celery.backends.couchdb",
    "celery.backends.database",
    "celery.backends.dynamodb",
    "celery.backends.elasticsearch",
    "celery.backends.gcs",
    "celery.backends.mongodb",
    "celery.backends.s3",
}

# Celery's own, and with it those that derive from it. Not imported: it needs redis-py.
REDIS = "celery.backends.redis"

# Each cluster has a new store for these, and on Redis. The others' outlive it, as files and databases do.
NEW_STORES = (RPCBackend, cache.CacheBackend, DisabledBackend)


class ProcessLocal:
    """Stands for the app's thread-local: one result backend and one reply queue for each process of a cluster.

    `process` names the process that runs right now; `replies` collects the names of the reply queues.
    """

    def __init__(self, process: Any, replies: dict[str, None]) -> None:
        vars(self).update(_process=process, _replies=replies, _values={})

    def __getattr__(self, name: str) -> Any:
        values = self._values.setdefault(self._process(), {})
        if name == "oid" and name not in values:
            # Celery makes it of the host, the process and the thread, which are one here.
            values[name] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"celery-rehearsal {self._process()}"))
            self._replies.setdefault(values[name])
        if name not in values:
            raise AttributeError(name)
        return values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._values.setdefault(self._process(), {})[name] = value

    def forget(self, process: str) -> None:
        """A process starts: nothing is left of the one that had its name."""
        self._values.pop(process, None)


def install_backend(undo: ExitStack, cluster: Any, part: Part, url: str | None, *, servers: bool) -> ProcessLocal:
    """Let each process of an app make the app's own result backend, or the main app that of `url`.

    `servers` allows a backend whose store is a real server. Raises NotSimulatedError for one otherwise,
    MissingExtraError for Redis without the extra, and what Celery raises for a backend that it cannot import.
    """
    app = part.app
    if url is not None and app is cluster.app:
        swap_attribute(undo, app, "backend_cls", url)
    _refuse_backend(app, servers=servers)
    processes = ProcessLocal(lambda: cluster.watch.actor, part.broker.tap.replies)
    make = app._get_backend
    owners: dict[str, str] = {}
    stored: set[str] = set()

    def get_backend() -> Any:
        backend = make()
        # One that is thread-safe would be kept for all processes.
        backend.thread_safe = False
        _fake(backend, cluster)
        if own_memory.is_own_memory(backend):
            own_memory.OwnMemory(backend, cluster, owners)
        if not (isinstance(backend, NEW_STORES) or _is_redis(type(backend))):
            result_stores.refuse_old_results(backend, cluster._refuse, stored, cluster.timeline.has_id)
        return backend

    memory: Any = LRUCache(limit=5000)
    swap_attribute(undo, cache, "_DUMMY_CLIENT_CACHE", memory)
    result_stores.install_memcached(undo)
    swap_attribute(undo, app, "_backend_cache", None)
    swap_attribute(undo, app, "_local", processes)
    swap_attribute(undo, app, "_get_backend", get_backend)
    return processes


def _refuse_backend(app: Any, *, servers: bool) -> None:
    wanted = app.backend_cls or app.conf.result_backend
    shown = maybe_sanitize_url(wanted) if isinstance(wanted, str) and "://" in wanted else wanted
    find: Any = by_url
    try:
        backend, url = find(wanted, app.loader)
    except ImportError as error:
        if error.name in extras.EXTRAS["redis"]:
            extras.need("redis", f"the result backend {shown}")
        if servers:
            return
        # Some import their client library with themselves.
        path = BACKEND_ALIASES.get(str(wanted).partition("://")[0].partition("+")[0], str(wanted))
        if not {path.partition(":")[0], path.rpartition(".")[0]} & SERVERS:
            raise
        raise NotSimulatedError(f"{shown}: {reason('result_servers')}") from error
    modules = [base.__module__ for base in getattr(backend, "__mro__", ())]
    if REDIS in modules:
        extras.need("redis", f"the result backend {shown}")
    if not servers and any(_server(module, url or app.conf.database_url) for module in modules):
        raise NotSimulatedError(f"{backend.__name__} ({shown}): {reason('result_servers')}")


def _server(module: str, url: Any = "") -> bool:
    sqlite = module == "celery.backends.database" and str(url).startswith("sqlite")
    return module in SERVERS and not sqlite


def _is_redis(backend: type) -> bool:
    return any(base.__module__ == REDIS for base in backend.__mro__)


def _fake(backend: Any, cluster: Any) -> None:
    # On the instance: the class stays Celery's or the application's own, which pickles and isinstance() ask for.
    if _is_redis(type(backend)):
        from .redis_results import use_fake_redis

        named = vars(backend)["connparams"]
        server = cluster.redis_server(named.get("host"), named.get("port"))
        use_fake_redis(backend, server)
        _subscribe_in_the_test(backend, cluster, server.lock, _wait_virtually(backend, cluster, waiting.redis_message))
    elif isinstance(backend, RPCBackend):
        _wait_virtually(backend, cluster, waiting.broker_message)
    elif isinstance(backend, FilesystemBackend):
        result_stores.date_files(backend)
    waiting.end_hopeless(backend, cluster)


def _wait_virtually(backend: Any, cluster: Any, read: Callable[..., bool]) -> Callable[[], bool]:
    consumer = backend.result_consumer
    reader = functools.partial(read, consumer, consumer.drain_events)
    consumer.drain_events = waiting.Waiting(cluster, reader)
    return reader


def _subscribe_in_the_test(backend: Any, cluster: Any, lock: Any, read: Callable[[], bool]) -> None:
    subscribe, consumer = backend.on_task_call, backend.result_consumer
    # A result can be collected, and unsubscribe, in the middle of a command, which holds the fake server's lock.
    cancel, cancelled = consumer.cancel_for, deque[str]()

    def cancel_for(task_id: str) -> None:
        if lock.locked():
            cancelled.append(task_id)
        else:
            cancel(task_id)

    consumer.cancel_for = cancel_for

    def on_task_call(producer: Any, task_id: str) -> None:
        # A beat subscribes too, to results that it never reads; and who only sends never reads Redis' confirmations.
        # Here both would stay in the memory.
        if cluster.watch.actor == "test":
            while cancelled:
                cancel(cancelled.popleft())
            while read():
                pass
            subscribe(producer, task_id)

    backend.on_task_call = on_task_call
