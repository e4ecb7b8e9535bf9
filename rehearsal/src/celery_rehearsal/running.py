"""How long a run takes, where the test says so, and bodies that a test puts in place of a task's own."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import create_autospec
from weakref import WeakKeyDictionary

from .arguments import check_name, task_name
from .clock import MICROSECONDS
from .errors import BadUseError
from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from .clock import VirtualClock
    from .strands import Strands


class RunningTimes:
    """How long each run of a task takes in virtual time.

    The body runs at the start. What is left of the time passes at its end: as it returns, raises, or asks for its
    retry. So its effects are there from the start, and a retry counts from the end. What it waits itself is part of it.
    """

    def __init__(self, given: Mapping[Any, float | timedelta] | None) -> None:
        self._ticks = {task_name(task): _ticks(task_name(task), time) for task, time in (given or {}).items()}
        # When each run is to end, in clock ticks, by Celery's context of it.
        self._ends: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def attach(self, undo: ExitStack, apps: list[Any], clock: VirtualClock, strands: Strands) -> None:
        """Learn whose tasks these are. Raises BadUseError for a task that no app of the cluster defines."""
        self._clock, self._strands = clock, strands
        known = {name for app in apps for name in app.tasks}
        for name in self._ticks:
            check_name(name, "task", known)
        for app in apps:
            for task in [app.tasks[name] for name in self._ticks if name in app.tasks]:
                swap_attribute(undo, task, "retry", self._retry(task))

    def begin(self, task: Any) -> None:
        """A run of the task begins, or is under way. A call of the task as a function is no run."""
        ticks = self._ticks.get(task.name)
        if ticks is not None and not task.request.called_directly:
            self._ends.setdefault(task.request, self._clock.ticks + ticks)

    def end(self, task: Any) -> None:
        """The body has ended: wait for what is left of the run's time. Raises what ends the wait, as a limit."""
        # Once: a limit that ends the wait ends the run.
        end = self._ends.pop(task.request, None) if self._ends else None
        if end is not None and end > self._clock.ticks:
            self._strands.wait(end - self._clock.ticks)

    def _retry(self, task: Any) -> Any:
        real = task.retry

        @functools.wraps(real)
        def retry(*args: Any, **kwargs: Any) -> Any:
            self.end(task)
            return real(*args, **kwargs)

        return retry


def mock_of(task: Any, bodies: dict[Any, Any], **behaviour: Any) -> tuple[str, Any]:
    """Return the name of a task's body, and a mock of it that takes the same arguments.

    `bodies` keeps each task's own, for a second mock.
    """
    # With autoretry, `run` is Celery's wrapper, which calls the body by this name.
    body = "_orig_run" if hasattr(task, "_orig_run") else "run"
    return body, create_autospec(bodies.setdefault(task, getattr(task, body)), **{"return_value": None, **behaviour})


def _ticks(name: str, time: Any) -> int:
    seconds = time.total_seconds() if isinstance(time, timedelta) else time
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise BadUseError(f"running_time={{{name!r}: {time!r}}}: give seconds or a timedelta, 0 or more")
    return round(seconds * MICROSECONDS)
