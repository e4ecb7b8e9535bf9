"""Where results go: memory, or the cluster's fake Redis; the app's own backend where it needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.backends import cache
from celery.backends.base import SyncBackendMixin
from celery.backends.redis import RedisBackend
from celery.utils.functional import LRUCache

from .patching import swap_attribute

if TYPE_CHECKING:
    from contextlib import ExitStack

# Result backends that live in the process or in the app's own database. Any other would open a socket.
LOCAL_BACKENDS = ("disabled", "cache+memory", "memory", "django-db", "django-cache", "file", "db+sqlite")


def install_backend(undo: ExitStack, app: Any, server: Any) -> None:
    """Give the app a result backend that needs no server; `server` is a FakeServer or None.

    An app without a result backend keeps none, as in production.
    """
    url = str(app.conf.result_backend or "disabled")
    memory: Any = LRUCache(limit=5000)
    swap_attribute(undo, cache, "_DUMMY_CLIENT_CACHE", memory)
    if url.startswith(LOCAL_BACKENDS) and not url.startswith(("cache+memory", "memory")):
        return
    backend: Any
    if server is None:
        backend = cache.CacheBackend(app=app, url="memory://")
    else:
        backend = fake_redis_backend(server)(app=app, url="redis://virtual")
    before = (getattr(app._local, "backend", None), app._backend_cache)
    app._local.backend, app._backend_cache = backend, None
    undo.callback(_restore, app, before)


def fake_redis_backend(server: Any) -> type[Any]:
    """Celery's Redis backend on the fake server. Waiting polls: there is no second thread to push."""
    from .redis_client import Client

    class FakeRedisBackend(SyncBackendMixin, RedisBackend):  # type: ignore[misc] # Celery has no types here
        def _create_client(self, **params: Any) -> Any:
            return Client(server)

        def on_task_call(self, producer: Any, task_id: str) -> None:
            """Nothing to subscribe to."""

    return FakeRedisBackend


def _restore(app: Any, before: tuple[Any, Any]) -> None:
    local, cached = before
    app._backend_cache = cached
    if local is None:
        app._local.__dict__.pop("backend", None)
    else:
        app._local.backend = local
