"""Nothing under virtual time may go round the cluster: no eager mode and no started thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakSet

from celery.utils.collections import ConfigurationView

from .embedded import is_worker, refuse_start
from .errors import BadUseError, RealWorldError
from .patching import swap_attribute
from .settings import EAGER, turned_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack


def guard_eager(undo: ExitStack, app: Any, refuse: Callable[[Exception], NoReturn]) -> None:
    """Refuse eager mode that is turned on from now on, whenever Celery reads the setting."""
    original = ConfigurationView.__getitem__
    before = turned_on(app.conf)

    def getitem(view: Any, key: str) -> Any:
        value = original(view, key)
        if key == EAGER and view is app._conf:
            names = sorted({name for _where, name in turned_on(view) - before}) or ([EAGER] if value else [])
            if names:
                refuse(
                    BadUseError(
                        f"{', '.join(names)} was turned on inside a cluster: tasks would run at once and nothing "
                        "would be sent; leave eager mode off, the cluster's workers run the tasks"
                    )
                )
        return value

    swap_attribute(undo, ConfigurationView, "__getitem__", getitem)


def guard_threads(
    undo: ExitStack,
    refuse: Callable[[Exception], NoReturn],
    *,
    in_member: Callable[[], bool],
    allowed: bool,
) -> Callable[[], bool]:
    """Refuse every thread that this one starts, unless `allowed`; a real worker's thread is always refused.

    Returns whether the running thread is this one, or one that a task or a beat started.
    """
    ours = threading.get_ident()
    # Not by their numbers, which the system uses again.
    members: WeakSet[threading.Thread] = WeakSet()
    real = threading.Thread.start

    def is_ours() -> bool:
        return threading.get_ident() == ours or (bool(members) and threading.current_thread() in members)

    def start(thread: threading.Thread) -> None:
        if is_ours():
            if is_worker(thread):
                refuse_start(refuse)
            if not allowed:
                refuse(
                    RealWorldError(
                        f"{thread.name} was started under virtual time; threads see a clock that moves under them. "
                        "Where it is meant: VirtualCelery(..., allow_threads=True)"
                    )
                )
            if in_member():
                members.add(thread)
        real(thread)

    swap_attribute(undo, threading.Thread, "start", start)
    return is_ours
