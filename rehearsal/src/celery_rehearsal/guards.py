"""Nothing under virtual time may reach for the real world: no socket is connected and no thread started."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import RealWorldError
from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack


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
