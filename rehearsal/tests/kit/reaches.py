"""What code does that would reach another host: each way to send, and each to look up a name."""

from __future__ import annotations

import asyncio
import logging.handlers
import socket
import ssl
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


# RFC 5737 keeps the network for documents: no packet that slips through reaches anybody.
FAR = ("192.0.2.1", 9)


def tcp() -> None:
    with socket.socket() as sock:
        sock.connect(FAR)


def tcp_without_exceptions() -> None:
    with socket.socket() as sock:
        sock.connect_ex(FAR)


def udp() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", FAR)


def udp_with_flags() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", 0, FAR)


def udp_message() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendmsg([b"x"], [], 0, FAR)


def udp_connected() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect(FAR)


def unix() -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("/no/such/socket")


def tls() -> None:
    with ssl.create_default_context().wrap_socket(socket.socket(), server_hostname="far.invalid") as sock:
        sock.connect(FAR)


def asyncio_stream() -> None:
    asyncio.run(asyncio.wait_for(asyncio.open_connection(*FAR), 5))


def asyncio_datagram() -> None:
    async def send() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=FAR)

    asyncio.run(send())


def log_record() -> None:
    with closing(logging.handlers.DatagramHandler(*FAR)) as handler:
        handler.handle(logging.makeLogRecord({"msg": "x"}))


def a_redis_client() -> None:
    import redis

    redis.Redis(*FAR).ping()


def http_by_name() -> None:
    socket.create_connection(("far.invalid", 80))


SENDS: list[Any] = [
    tcp,
    tcp_without_exceptions,
    udp,
    udp_with_flags,
    udp_message,
    udp_connected,
    unix,
    tls,
    asyncio_stream,
    asyncio_datagram,
    log_record,
    pytest.param(a_redis_client, marks=pytest.mark.skipif(find_spec("redis") is None, reason="redis is not installed")),
]
LOOKUPS: list[Callable[[], Any]] = [
    http_by_name,
    lambda: socket.getaddrinfo("far.invalid", 80),
    lambda: socket.gethostbyname("far.invalid"),
    lambda: socket.gethostbyname_ex("far.invalid"),
    lambda: socket.gethostbyaddr("far.invalid"),
    lambda: socket.getnameinfo(("far.invalid", 80), 0),
]
