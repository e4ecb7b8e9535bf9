"""TCP, UDP, Unix sockets and look-ups of names are refused alike, but for the servers of the test."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import RealWorldError, VirtualCelery
from kombu import Connection

from .conftest import NOON
from .optional import needs_redis
from .reaches import LOOKUPS, SENDS
from .shop import make_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("reach", [*SENDS, *LOOKUPS])
def test_nothing_reaches_the_network(app: Celery, reach: Callable[[], Any]) -> None:
    """In a task each is refused, and the refusal reaches the test past a task that swallows everything."""

    @app.task(name="reaches", shared=False, autoretry_for=(Exception,))
    def reaches() -> None:
        with suppress(BaseException):
            reach()

    with VirtualCelery(app, start=NOON) as celery:
        reaches.delay()
        with pytest.raises(RealWorldError, match=r"(was asked for|was looked up) under virtual time"):
            celery.advance(HOUR)


def test_a_look_up_that_needs_no_server_passes(app: Celery) -> None:
    """An address, localhost and the machine's own name: Django asks for that one to write a mail's id."""
    with VirtualCelery(app, start=NOON):
        assert socket.getaddrinfo("127.0.0.1", 80)
        assert socket.gethostbyname("localhost") == "127.0.0.1"
        assert socket.getfqdn()


def test_a_database_on_postgresql_needs_no_argument(app: Celery) -> None:
    """libpq connects past the guards; psycopg asks for the address of its host before, and may."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    with VirtualCelery(app, start=NOON), pytest.raises(psycopg.OperationalError):
        psycopg.connect("host=database.invalid dbname=none connect_timeout=2")


def test_a_server_of_the_tests_own_goes_on(app: Celery, tmp_path: Path) -> None:
    """What the test allows runs: TCP, UDP and Unix sockets."""
    path = str(tmp_path / "s")
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        unix.bind(path)
        tcp.listen()
        unix.listen()
        with VirtualCelery(app, start=NOON, allow_sockets=True):
            socket.create_connection(tcp.getsockname()).close()
            with socket.socket(type=socket.SOCK_DGRAM) as sender:
                sender.sendto(b"x", udp.getsockname())
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
        assert udp.recv(1) == b"x"


def listens(sock: socket.socket) -> Any:
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    return sock.getsockname()


@needs_redis
@pytest.mark.parametrize("allowed", [False, True])
def test_a_broker_is_refused_and_no_advice_leads_to_it(app: Celery, allowed: bool) -> None:
    """kombu's own connection does not reach a broker, not even where sockets are allowed, and is told so."""
    with socket.socket() as server:
        host, port = listens(server)
        with (
            VirtualCelery(app, start=NOON, allow_sockets=allowed),
            pytest.raises(RealWorldError) as caught,
            Connection(f"redis://{host}:{port}/0") as connection,
        ):
            connection.connect()
    assert "app.connection_for_write()" in str(caught.value)
    assert "allow_sockets" not in str(caught.value)


def test_the_advice_for_a_connection_of_its_own_works(app: Celery, transport: str) -> None:
    """The app's own connection leads to the cluster's broker."""
    with (
        VirtualCelery(app, start=NOON, transport=transport, workers=0) as celery,
        app.connection_for_write() as connection,
        connection.SimpleQueue("plain") as plain,
    ):
        plain.put({"any": "thing"})
        assert [message.queue for message in celery.pending().queued] == ["plain"]
        assert plain.get(block=False).payload == {"any": "thing"}


def test_a_client_at_the_brokers_address_is_not_advised_to_connect() -> None:
    """A Redis client of the task's own, at the place of the app's broker, is to be replaced where that is no Redis."""
    redis = pytest.importorskip("redis")
    app = make_app(broker_url="redis://localhost:6379/0")
    with (
        VirtualCelery(app, start=NOON, transport="memory"),
        pytest.raises(RealWorldError, match="replace this client") as caught,
    ):
        redis.Redis("127.0.0.1", 6379).ping()
    assert "allow_sockets" not in str(caught.value)


def test_a_thread_of_the_test_is_free(app: Celery) -> None:
    """A server of the test's own, and a client of it in another thread, are the test's business."""
    seen: list[int] = []

    def client() -> None:
        with socket.socket() as sock:
            seen.append(sock.connect_ex(address))

    with socket.socket() as server:
        address = listens(server)
        with VirtualCelery(app, start=NOON, allow_threads=True):
            thread = threading.Thread(target=client)
            thread.start()
            thread.join()
    assert seen == [0]


def test_no_guard_stays(app: Celery) -> None:
    """After the cluster, sockets, look-ups and threads are the process's own."""
    names = ("connect", "connect_ex", "sendto", "sendmsg")
    before = [*(getattr(socket.socket, name) for name in names), socket.gethostbyname, threading.Thread.start]
    with VirtualCelery(app, start=NOON):
        pass
    assert [*(getattr(socket.socket, name) for name in names), socket.gethostbyname, threading.Thread.start] == before


@needs_redis
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_thread_reaches_a_broker(app: Celery) -> None:
    """Not even a thread of the test's own, with sockets and threads allowed."""
    with socket.socket() as server:
        host, port = listens(server)

        def connect() -> None:
            with Connection(f"redis://{host}:{port}/0") as connection:
                connection.connect()

        with VirtualCelery(app, start=NOON, allow_sockets=True, allow_threads=True) as celery:
            thread = threading.Thread(target=connect)
            thread.start()
            thread.join()
            with pytest.raises(RealWorldError, match="connection_for_write"):
                celery.advance(HOUR)
