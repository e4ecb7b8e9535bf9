"""Celery's embedded workers (`celery_worker`, `start_worker`): threads in real time, refused next to a cluster."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn

from celery.contrib.testing import worker as testing
from celery.worker import WorkController

from .errors import BadUseError
from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

ADVICE = (
    "(celery_worker, celery_session_worker, start_worker) is a thread in real time, and would wait for a clock that "
    "stands; a test has either that worker or a cluster, whose workers run already"
)


def refuse_running() -> None:
    """Raise BadUseError where a real worker runs in a thread of this process."""
    if any(is_worker(thread) for thread in threading.enumerate()):
        raise BadUseError(f"a real Celery worker runs in this process: it {ADVICE}")


def guard_embedded(undo: ExitStack, refuse: Callable[[Exception], NoReturn]) -> None:
    """Refuse Celery's test worker before it asks for a broker, until the stack closes."""

    def send(*_args: Any, **_kwargs: Any) -> NoReturn:
        refuse_start(refuse)

    swap_attribute(undo, testing.test_worker_starting, "send", send)


def refuse_start(refuse: Callable[[Exception], NoReturn]) -> NoReturn:
    """Refuse the start of a real worker inside a cluster."""
    refuse(BadUseError(f"a real Celery worker was started inside a cluster: it {ADVICE}"))


def is_worker(thread: threading.Thread) -> bool:
    """Tell whether the thread runs, or will run, a method of a worker."""
    return isinstance(getattr(getattr(thread, "_target", None), "__self__", None), WorkController)
