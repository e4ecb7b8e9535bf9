"""The stores of results that need no extra of the kit: memcached, and files, whose dates are the cluster's."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from celery.backends import cache
from celery.states import READY_STATES
from kombu.utils.encoding import bytes_to_str

from .errors import BadUseError
from .patching import swap_item

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# Memcached takes a longer lifetime, in seconds, for an instant.
LONGEST_LIFETIME = 30 * 86_400


def date_files(backend: Any) -> None:
    """Date the files of Celery's filesystem backend by the cluster's clock: its cleanup asks how old they are."""
    write = backend.set

    def write_dated(key: Any, value: Any) -> None:
        write(key, value)
        os.utime(backend._filename(key), (time.time(), time.time()))

    backend.set = write_dated


def refuse_old_results(
    backend: Any, refuse: Callable[[Exception], Any], stored: set[str], is_sent: Callable[[str], bool]
) -> None:
    """Refuse a task of this cluster whose id has a result from before it, as it is read and as a new one is stored.

    `stored` are the ids that this cluster has stored, and `is_sent` tells whether it has sent a task.
    """
    store, look = backend.store_result, backend.get_task_meta

    def check(task_id: Any, state: str) -> None:
        if state in READY_STATES:
            refuse(
                BadUseError(
                    f"{type(backend).__name__} has a result of task {task_id} from before this cluster ({state}). "
                    "The seed decides task ids, so those of two clusters are equal: empty the store between "
                    "them, give each its own, as in a temporary folder, or give each another seed="
                )
            )

    def store_new(task_id: Any, *args: Any, **kwargs: Any) -> Any:
        if task_id not in stored:
            check(task_id, look(task_id, cache=False)["status"])
            stored.add(task_id)
        return store(task_id, *args, **kwargs)

    def look_up(task_id: Any, *args: Any, **kwargs: Any) -> Any:
        found = look(task_id, *args, **kwargs)
        if task_id not in stored and is_sent(task_id):
            check(task_id, found["status"])
        return found

    backend.store_result = store_new
    backend.get_task_meta = look_up


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
