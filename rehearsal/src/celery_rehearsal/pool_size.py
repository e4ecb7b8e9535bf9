"""How many children a prefork pool has, and what it tells of itself."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from celery.concurrency import base

if TYPE_CHECKING:
    from kombu.asynchronous.semaphore import LaxBoundedSemaphore

    from .children import Child

PREFORK = "celery.concurrency.prefork:TaskPool"


class Resizable(base.BasePool):
    """What remote control asks of a pool besides running jobs."""

    children: list[Child]
    semaphore: LaxBoundedSemaphore

    @property
    def num_processes(self) -> int:
        """How many children there are."""
        return len(self.children)

    def grow(self, n: int = 1) -> None:
        """Fork more children, as remote control's `pool_grow`; a real pool takes up to five seconds for it."""
        self.children += [self._fork() for _ in range(n)]
        for _ in range(n):
            self.semaphore.grow()

    def shrink(self, n: int = 1) -> None:
        """End children that have no job, as remote control's `pool_shrink`. Raises ValueError as billiard does."""
        idle = [child for child in self.children if child.job is None]
        for child in idle[:n]:
            self.semaphore.shrink()
            self.children.remove(child)
            self._exit(child, -(256 - signal.SIGTERM))
        if len(idle) < n:
            raise ValueError("Can't shrink pool. All processes busy!")

    def _get_info(self) -> dict[str, Any]:
        """What `inspect stats` tells of a prefork pool."""
        limits = [self.options.get(name) or 0 for name in ("soft_timeout", "timeout")]
        return {
            "implementation": PREFORK,
            "max-concurrency": self.limit,
            "processes": [child.pid for child in self.children],
            "max-tasks-per-child": self.options.get("maxtasksperchild") or "N/A",
            "put-guarded-by-semaphore": self.putlocks,
            "timeouts": limits,
            "writes": "N/A",
        }

    def _fork(self) -> Child:
        raise NotImplementedError

    def _exit(self, child: Child, exitcode: int) -> None:
        raise NotImplementedError
