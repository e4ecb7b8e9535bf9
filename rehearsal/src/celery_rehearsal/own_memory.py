"""Result backends that keep results in the memory of their own process, where no other process sees them."""

from __future__ import annotations

import sys
from typing import Any

from celery.backends.cache import CacheBackend
from kombu.utils.encoding import bytes_to_str

from .errors import NotSimulatedError
from .limits import reason


def is_own_memory(backend: Any) -> bool:
    """Whether a backend is `cache+memory://`, or django-celery-results' on Django's cache in memory."""
    if isinstance(backend, CacheBackend):
        return bool(vars(backend)["backend"] == "memory")
    django: Any = sys.modules.get("django.core.cache.backends.locmem")
    # By a method, because the default cache is behind a proxy.
    read: Any = getattr(getattr(backend, "cache_backend", None), "get", None)
    return django is not None and isinstance(getattr(read, "__self__", None), django.LocMemCache)


class OwnMemory:
    """Refuses that a process reads what another has stored in its own memory.

    `owners` says, by key, which process stored it last. It belongs to all the backends of an app.
    """

    def __init__(self, backend: Any, cluster: Any, owners: dict[str, str]) -> None:
        self._cluster, self._owners = cluster, owners
        self._storing = False
        self._real = {name: getattr(backend, name) for name in ("get", "mget", "set", "incr", "_store_result")}
        vars(backend).update(get=self.get, mget=self.mget, set=self.set, incr=self.incr, _store_result=self.store)

    def get(self, key: Any) -> Any:
        """As the backend's."""
        if self._storing and self._is_anothers(key):
            # To store a result, Celery looks whether its process has stored another state of the task.
            return None
        self._judge(key)
        return self._real["get"](key)

    def mget(self, keys: Any) -> Any:
        """As the backend's."""
        for key in keys:
            self._judge(key)
        return self._real["mget"](keys)

    def set(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        """As the backend's."""
        self._owners[bytes_to_str(key)] = self._cluster.watch.actor
        return self._real["set"](key, *args, **kwargs)

    def incr(self, key: Any) -> Any:
        """As the backend's."""
        self._judge(key)
        return self._real["incr"](key)

    def store(self, *args: Any, **kwargs: Any) -> Any:
        """As the backend's `_store_result`."""
        self._storing = True
        try:
            return self._real["_store_result"](*args, **kwargs)
        finally:
            self._storing = False

    def _is_anothers(self, key: Any) -> bool:
        actor = self._cluster.watch.actor
        return bool(self._owners.get(bytes_to_str(key), actor) != actor)

    def _judge(self, key: Any) -> None:
        if self._is_anothers(key):
            name = bytes_to_str(key)
            where = f"{name} was stored by {self._owners[name]}, and {self._cluster.watch.actor} asked for it"
            self._cluster._refuse(NotSimulatedError(f"{where}: {reason('result_memory')}"))
