"""`celery.worker.state`, module globals of a worker's process: its requests, counts and revoked ids.

Celery's functions hold on to the containers or to their methods, so what is in them changes place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.worker import state

if TYPE_CHECKING:
    from .process import Process

DICTS = ("requests", "total_count", "revoked_stamps")

# Each is one or two attributes, and so is a name that belongs to a process.
LIMITED_SETS = ("revoked", "successful_requests")
WEAK_SETS = ("reserved_requests", "active_requests", "scheduled_requests")


class Mappings:
    """Whose the mappings of `celery.worker.state` are.

    A worker's stay in place until another worker runs: they can hold many requests, and most switches are between
    the test and one worker.
    """

    def __init__(self) -> None:
        self._placed: Process | None = None
        self._running: Process | None = None

    def run(self, process: Process | None) -> Process | None:
        """Let a worker's process find its own, None for what is no worker; return which worker ran before."""
        before, self._running = self._running, process
        if process is not None and process is not self._placed:
            if self._placed is not None:
                self._placed.requests = _contents()
            _fill(process.requests)
            self._placed = process
        return before


def weak_sets() -> list[Any]:
    """The sets of requests that this Celery has: the scheduled ones from 5.7 on."""
    return [getattr(state, name) for name in WEAK_SETS if hasattr(state, name)]


def _contents() -> dict[str, Any]:
    return {"all_total_count": state.all_total_count[0], **{name: dict(getattr(state, name)) for name in DICTS}}


def _fill(contents: dict[str, Any]) -> None:
    for name in DICTS:
        mapping = getattr(state, name)
        mapping.clear()
        mapping.update(contents.get(name, {}))
    state.all_total_count[0] = contents.get("all_total_count", 0)
