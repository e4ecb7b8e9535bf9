"""Nothing under virtual time may go round the cluster: no eager mode, no connected socket, no started thread."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from celery.utils.collections import ConfigurationView

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


def guard_sockets(undo: ExitStack, refuse: Callable[[Exception], NoReturn]) -> None:
    """Refuse every connect of this thread. A server of the test's own, in another thread, goes on."""
    ours = threading.get_ident()
    for name in ("connect", "connect_ex"):
        real = getattr(socket.socket, name)

        def connect(sock: socket.socket, address: Any, real: Any = real) -> Any:
            if threading.get_ident() != ours:
                return real(sock, address)
            return refuse(
                RealWorldError(
                    f"a socket to {address!r} was opened under virtual time; a server keeps real time. "
                    "Where it is meant, as for a database: VirtualCelery(..., allow_sockets=True)"
                )
            )

        swap_attribute(undo, socket.socket, name, connect)


def guard_threads(undo: ExitStack, refuse: Callable[[Exception], NoReturn]) -> None:
    """Refuse every thread that this one starts."""
    ours = threading.get_ident()
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if threading.get_ident() != ours:
            real(thread)
            return
        refuse(
            RealWorldError(
                f"{thread.name} was started under virtual time; threads see a clock that moves under them. "
                "Where it is meant: VirtualCelery(..., allow_threads=True)"
            )
        )

    swap_attribute(undo, threading.Thread, "start", start)
