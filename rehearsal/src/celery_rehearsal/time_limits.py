"""Time limits of jobs in a prefork pool, at their instants of the virtual clock."""

from __future__ import annotations

import functools
import signal
from typing import TYPE_CHECKING, Any

from billiard.pool import TimeoutHandler, soft_timeout_sighandler

if TYPE_CHECKING:
    from collections.abc import Callable

    from .children import Child
    from .timer import Timer

# Seconds. A child that the hard time limit ends has so long after its SIGTERM; then comes SIGKILL.
GRACE = 0.1


class TimeLimits:
    """The limits of a pool's jobs. `child` finds a living child by its pid, `send` sends a signal to one."""

    def __init__(self, timer: Timer, child: Callable[[int], Child | None], send: Callable[[Child, int], None]) -> None:
        self._timer = timer
        self._child = child
        self._send = send
        self._entries: dict[int, Any] = {}

    def set(self, job: Any, soft: float | None, hard: float | None) -> None:
        """A job has started that has one of the two limits, in seconds."""
        if soft:
            self._entries[job._job] = self._timer.call_after(soft, self.interrupt, (job, soft, hard))
        elif hard:
            self._entries[job._job] = self._timer.call_after(hard, self._end, (job,))

    def cancel(self, job: Any) -> None:
        """A job has ended."""
        entry = self._entries.pop(job._job, None)
        if entry is not None:
            entry.cancel()

    def interrupt(self, job: Any, soft: float = 0, hard: float | None = None) -> None:
        """The soft limit of a job has come; its `hard` one, if it has one, is still to come."""
        if hard:
            self._entries[job._job] = self._timer.call_after(hard - soft, self._end, (job,))
        child = self._child(job._worker_pid)
        if child is not None and not job.ready():
            job.handle_timeout(soft=True)
            if child.strand is not None:
                child.strand.interrupt = functools.partial(soft_timeout_sighandler, signal.SIGUSR1, None)

    def _end(self, job: Any) -> None:
        billiards: Any = TimeoutHandler
        billiards.on_hard_timeout(self, job)

    def _process_by_pid(self, pid: int) -> tuple[Child | None, int | None]:
        """What billiard's code for a hard time limit asks its pool for."""
        return self._child(pid), None

    def _trywaitkill(self, child: Child) -> None:
        """What billiard's code for a hard time limit does to the child."""
        self._send(child, signal.SIGTERM)
        self._timer.call_after(GRACE, self._send, (child, signal.SIGKILL))
