"""Sockets and look-ups of names: refused under virtual time, where a server would keep real time."""

from __future__ import annotations

import _socket
import ipaddress
import socket
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import RealWorldError
from .patching import swap_attribute
from .places import LOOPBACK, broker_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# Methods of a socket that reach a server, and where in their arguments its address is. TCP, UDP and Unix alike.
METHODS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "connect": lambda args: args[0],
    "connect_ex": lambda args: args[0],
    "sendto": lambda args: args[-1],
    # Without an address it sends over a connection, which `connect` has judged.
    "sendmsg": lambda args: args[3:][0] if args[3:] else None,
}

# Functions that ask a name server. `socket.getaddrinfo` calls the one of `_socket`; so do copies of it made before.
LOOKUPS = (
    (_socket, "getaddrinfo"),
    (socket, "gethostbyname"),
    (socket, "gethostbyname_ex"),
    (socket, "gethostbyaddr"),
    (socket, "getnameinfo"),
)

# Who asks: code of these packages, without code of Celery in between, is on its way to a broker or a result backend.
BROKERS = ("kombu.", "amqp.")
BACKENDS = "celery.backends."
# It looks up the name of a database's host, and leaves the rest to libpq, which no guard sees.
DATABASES = "psycopg."
ENDS = ("celery.", __package__ or "")
# Between a client of Redis and its pool.
POOLS = f"{__package__}.redis_pools."

REPLACE = (
    "a server keeps real time. Replace its client in this test. Where it is a database or a server of the test's own: "
    "VirtualCelery(..., allow_sockets=True), which still lets no app reach a broker"
)
BARE = (
    "a kombu Connection of its own is on its way to a broker, and the cluster's brokers are fake; "
    "app.connection_for_write() of an app of the cluster leads to them"
)
OTHERS = "give the cluster the app that asks: VirtualCelery(..., others=[that_app])"


def guard_network(
    undo: ExitStack,
    refuse: Callable[[Exception], NoReturn],
    *,
    ours: Callable[[], bool],
    apps: list[Any],
    allowed: bool,
) -> None:
    """Refuse each connect, datagram and look-up of a thread for which `ours` holds, and kombu's in any thread.

    With `allowed`, only kombu's. A server of the test's own, in another thread, goes on.
    """

    def judge(what: str, address: Any) -> None:
        asker = _asker()
        if asker == "database" or (asker != "broker" and (allowed or not ours())):
            return
        refuse(RealWorldError(f"{what} under virtual time: {_advice(asker, address, apps)}"))

    for name, address_of in METHODS.items():
        _guard_method(undo, name, address_of, judge)
    for module, name in LOOKUPS:
        _guard_lookup(undo, module, name, judge)


def _guard_method(undo: ExitStack, name: str, address_of: Any, judge: Any) -> None:
    real = getattr(socket.socket, name)

    def method(sock: socket.socket, *args: Any) -> Any:
        address = address_of(args)
        if address is not None:
            try:
                judge(f"a socket to {address!r} was asked for", address)
            except BaseException:
                # Its owner expects no such error, and would leave it open.
                sock.close()
                raise
        return real(sock, *args)

    swap_attribute(undo, socket.socket, name, method)


def _guard_lookup(undo: ExitStack, module: Any, name: str, judge: Any) -> None:
    real = getattr(module, name)

    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        first = host[0] if isinstance(host, tuple) else host
        if not _needs_no_server(first):
            judge(f"the address of {first!r} was looked up", (first, args[0] if args else None))
        return real(host, *args, **kwargs)

    swap_attribute(undo, module, name, lookup)


def _needs_no_server(host: Any) -> bool:
    # Django asks for the machine's own name to write a mail's id.
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if not name or name == socket.gethostname() or name in LOOPBACK:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _asker() -> str:
    frame: Any = sys._getframe(3)
    while frame is not None:
        module = f"{frame.f_globals.get('__name__', '')}."
        if module.startswith(BROKERS):
            return "broker"
        if module.startswith(DATABASES):
            return "database"
        if module.startswith(BACKENDS):
            return "backend"
        if module.startswith(ENDS) and module != POOLS:
            break
        frame = frame.f_back
    return ""


def _advice(asker: str, address: Any, apps: list[Any]) -> str:
    if asker == "broker":
        return BARE
    if asker == "backend":
        return f"a result backend is on its way to a server; {OTHERS}"
    if any(_is_at(address, app.conf.broker_write_url) for app in apps):
        return "that is where an app's broker is, and the cluster's brokers are fake; replace this client in the test"
    return REPLACE


def _is_at(address: Any, url: Any) -> bool:
    if not isinstance(address, tuple):
        return False
    host, port = (LOOPBACK if address[0] in LOOPBACK else {address[0]}), address[1]
    return any(place[1] in host and str(port) == str(place[2]) for place in broker_key(url))
