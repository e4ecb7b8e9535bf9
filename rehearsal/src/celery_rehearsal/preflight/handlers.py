"""The application's handlers of Celery's signals. Where tasks are stubs, they do not run either."""

from __future__ import annotations

import inspect
import weakref
from typing import TYPE_CHECKING, Any

from celery import signals
from celery.utils.dispatch import Signal

from ..patching import swap_attribute

if TYPE_CHECKING:
    from contextlib import ExitStack

# They import tasks, which the simulation needs, or set up logging.
KEPT = {"import_modules", "setup_logging", "after_setup_logger", "after_setup_task_logger"}
# The kit takes the lock of RedBeat in the place of its handler.
OWN = ("celery.", "celery_rehearsal.", "redbeat.")


def leave_out(undo: ExitStack) -> list[str]:
    """Disconnect the handlers that are not Celery's own, until the stack closes. Return their names."""
    found: set[str] = set()
    for name, signal in sorted(vars(signals).items()):
        if isinstance(signal, Signal) and name not in KEPT:
            others = [pair for pair in signal.receivers if not _named(pair[1]).startswith(OWN)]
            if others:
                _keep_without(undo, signal, others)
                found.update(f"{_named(handler)} of {name}" for _key, handler in others)
    return sorted(found)


def _keep_without(undo: ExitStack, signal: Any, others: list[Any]) -> None:
    undo.callback(signal.sender_receivers_cache.clear)
    swap_attribute(undo, signal, "receivers", [pair for pair in signal.receivers if pair not in others])
    signal.sender_receivers_cache.clear()


def _named(receiver: Any) -> str:
    """The path of a handler. One that Celery tries again until it succeeds stands in a function of Celery's."""
    function = receiver() if isinstance(receiver, weakref.ReferenceType) else receiver
    if inspect.isfunction(function) and hasattr(function, "_dispatch_uid"):
        function = inspect.getclosurevars(function).nonlocals["retry_fun"]
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__qualname__)}"
