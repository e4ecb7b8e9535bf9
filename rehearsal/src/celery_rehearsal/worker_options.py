"""What a worker's command line says of its pool; what it does not say, the app's settings do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import BadUseError, NotSimulatedError
from .limits import reason
from .pool_size import PREFORK
from .prefork import Prefork
from .solo import Solo

if TYPE_CHECKING:
    from celery import Celery

# Names and classes by which Celery knows the two pools; "processes" is an old name of prefork.
POOLS: dict[str, Any] = {
    **dict.fromkeys(("prefork", "processes", PREFORK, "celery.concurrency.prefork.TaskPool"), Prefork),
    **dict.fromkeys(("solo", "celery.concurrency.solo:TaskPool", "celery.concurrency.solo.TaskPool"), Solo),
}


def worker_options(app: Celery, **given: Any) -> dict[str, Any]:
    """Arguments for Celery's `WorkController`.

    Raises BadUseError for a wrong number, NotSimulatedError for another pool.
    """
    for name in ("concurrency", "max_tasks_per_child"):
        value = given.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise BadUseError(f"{name}={value!r}: give a whole number from 1 up")
    for name in ("time_limit", "soft_time_limit"):
        value = given.get(name)
        if value is not None and (not isinstance(value, int | float) or value <= 0):
            raise BadUseError(f"{name}={value!r}: give a number of seconds above 0")
    wanted = given.get("pool") or app.conf.worker_pool or "prefork"
    if wanted not in POOLS:
        raise NotSimulatedError(f"pool {wanted!r}: {reason('pool')}")
    found = {name: value for name, value in given.items() if value is not None}
    return {**found, "pool": POOLS[wanted], "concurrency": _concurrency(app, given)}


def _concurrency(app: Celery, given: dict[str, Any]) -> int:
    wanted = given.get("concurrency") or app.conf.worker_concurrency
    # Neither may the host's processors decide, nor "auto", which asks for them.
    return int(wanted) if str(wanted or "").isdigit() and int(wanted) else 1
