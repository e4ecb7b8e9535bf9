"""Celery's solo pool: the worker's own loop runs the tasks."""

from __future__ import annotations

import warnings
from typing import Any

from celery.concurrency import base, solo

from .children import has_left
from .errors import BadUseError, NotSimulatedWarning
from .limits import reason


class Solo(solo.TaskPool):
    """Celery's solo pool, which otherwise hands a BaseException to a callback that cannot take it."""

    _warned = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pool: Any = self  # to the stubs it is a method
        pool.on_apply = self._apply

    def _apply(self, *args: Any, callback: Any = None, **options: Any) -> None:
        request = callback.__self__
        # A message carries those of its task as well, which the start of the cluster has told.
        known = {None, request.task.time_limit, request.task.soft_time_limit}
        if set(request.time_limits) - known and not self._warned:
            self._warned = True
            message = NotSimulatedWarning(f"a message has a time limit; {reason('solo_time_limits')}")
            warnings.warn(message, stacklevel=2)
        try:
            apply: Any = base.apply_target
            apply(*args, callback=callback, propagate=BaseException, **options)
        except BaseException:
            has_left(callback)
            raise

    def attach(self, **_world: Any) -> None:
        """It has no children."""

    def lose_child(self) -> None:
        """It has no children. Raises BadUseError."""
        raise BadUseError("kill_child(): a solo worker has no children; kill_worker() kills the worker")

    def has_events(self) -> bool:
        """It has no children that could send any."""
        return False

    def handle_events(self) -> bool:
        """Nothing happens outside of the worker's own loop."""
        return False

    def start_jobs(self) -> bool:
        """A job starts when it is applied."""
        return False
