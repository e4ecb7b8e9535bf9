"""TCP, UDP, Unix sockets and look-ups of names are refused alike, and the refusal fails the test."""

from __future__ import annotations

import asyncio
import logging.handlers
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from celery import Task, signals
from celery.backends.base import KeyValueStoreBackend
from celery.schedules import schedule
from celery_rehearsal import RealWorldError, VirtualCelery
from kombu import Connection

from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

HOUR = timedelta(hours=1)
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
    redis.Redis(*FAR).ping()


def http_by_name() -> None:
    socket.create_connection(("far.invalid", 80))


SENDS = [
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
    a_redis_client,
]
LOOKUPS: list[Callable[[], Any]] = [
    http_by_name,
    lambda: socket.getaddrinfo("far.invalid", 80),
    lambda: socket.gethostbyname("far.invalid"),
    lambda: socket.gethostbyname_ex("far.invalid"),
    lambda: socket.gethostbyaddr("far.invalid"),
    lambda: socket.getnameinfo(("far.invalid", 80), 0),
]


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
    """A Redis client of the task's own, at the place of the app's broker, is to be replaced."""
    app = make_app(broker_url="redis://localhost:6379/0")
    with VirtualCelery(app, start=NOON), pytest.raises(RealWorldError, match="replace this client") as caught:
        redis.Redis("127.0.0.1", 6379).ping()
    assert "allow_sockets" not in str(caught.value)


class Reaches(schedule):
    """A schedule that asks a server. Beat pickles its entries, so the class is the module's."""

    def is_due(self, _last_run_at: Any) -> Any:
        tcp()


def test_a_refusal_in_a_schedule_fails_the_test(app: Celery) -> None:
    """Celery's beat logs what a schedule raises and goes on; the refusal does not stay there."""
    app.conf.beat_schedule = {"entry": {"task": "note", "schedule": Reaches(60)}}
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(RealWorldError):
        celery.advance(HOUR)


def test_a_refusal_in_what_beat_publishes_fails_the_test(app: Celery) -> None:
    """So it is with a task that overrides apply_async, whose error beat logs as well."""

    class Sends(Task):  # type: ignore[type-arg] # only the stubs make it generic
        abstract = True

        def apply_async(self, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("sent")

    @app.task(base=Sends, name="sends", shared=False)
    def sends() -> None:
        """Never runs."""

    app.conf.beat_schedule = {"entry": {"task": "sends", "schedule": timedelta(minutes=1)}}
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(AssertionError, match="sent"):
        celery.advance(HOUR)


@pytest.mark.parametrize("name", ["worker_init", "task_received", "task_prerun", "task_success", "after_task_publish"])
def test_a_refusal_in_a_signal_handler_fails_the_test(app: Celery, name: str) -> None:
    """Celery logs what a handler raises: at a worker's start, in its work, and in the test's own publish."""

    def handler(**_kwargs: Any) -> None:
        tcp()

    signal = getattr(signals, name)

    def run() -> None:
        with VirtualCelery(app, start=NOON) as celery:
            app.tasks["note"].delay()
            celery.advance(HOUR)

    signal.connect(handler)
    try:
        with pytest.raises(RealWorldError):
            run()
    finally:
        signal.disconnect(handler)


def test_an_assertion_in_a_handler_of_the_tests_own_publish_fails_the_test(app: Celery) -> None:
    """Not only in what a worker or a beat publishes."""

    def handler(**_kwargs: Any) -> None:
        raise AssertionError("wrong")

    signals.before_task_publish.connect(handler)
    try:
        with VirtualCelery(app, start=NOON), pytest.raises(AssertionError, match="wrong"):
            app.tasks["note"].delay()
    finally:
        signals.before_task_publish.disconnect(handler)


# pytest reports the end of the thread itself, as it does with every exception of a thread.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_refusal_in_a_thread_of_a_task_fails_the_test(app: Celery) -> None:
    """A thread that a task started is guarded as the task is, and so are those that it starts."""

    @app.task(name="forks", shared=False)
    def forks() -> None:
        def inner() -> None:
            thread = threading.Thread(target=tcp)
            thread.start()
            thread.join()

        thread = threading.Thread(target=inner)
        thread.start()
        thread.join()

    with VirtualCelery(app, start=NOON, allow_threads=True) as celery:
        forks.delay()
        with pytest.raises(RealWorldError, match="socket"):
            celery.advance(HOUR)


def test_a_refusal_in_a_pool_of_a_task_fails_the_test(app: Celery) -> None:
    """Even when the pool's thread outlives the task, and nobody looks at its result."""
    go, done = threading.Event(), threading.Event()
    pool = ThreadPoolExecutor(1)

    def later() -> None:
        go.wait()
        try:
            tcp()
        finally:
            done.set()

    @app.task(name="forks", shared=False)
    def forks() -> None:
        pool.submit(later)

    def run() -> None:
        with VirtualCelery(app, start=NOON, allow_threads=True) as celery:
            forks.delay()
            celery.advance(HOUR)
            go.set()
            done.wait()
            pool.shutdown()

    with pytest.raises(RealWorldError):
        run()


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


def test_a_refusal_in_a_result_backend_fails_the_test(app: Celery) -> None:
    """A backend that asks a server, and Celery's handling of its errors, keep nothing from the test."""

    class Remote(KeyValueStoreBackend):
        def set(self, key: Any, value: Any) -> None:
            tcp()

        def get(self, key: Any) -> Any:
            return None

    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].backend = Remote(app=app)
        app.tasks["note"].delay()
        with pytest.raises(RealWorldError):
            celery.advance(HOUR)


def test_no_guard_stays(app: Celery) -> None:
    """After the cluster, sockets, look-ups and threads are the process's own."""
    names = ("connect", "connect_ex", "sendto", "sendmsg")
    before = [*(getattr(socket.socket, name) for name in names), socket.gethostbyname, threading.Thread.start]
    with VirtualCelery(app, start=NOON):
        pass
    assert [*(getattr(socket.socket, name) for name in names), socket.gethostbyname, threading.Thread.start] == before


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
            with pytest.raises(RealWorldError, match="others="):
                celery.advance(HOUR)


def test_an_error_in_a_thread_of_the_test_stays_there(app: Celery) -> None:
    """A thread that the test started calls a task; its failed assertion is the thread's, as without the kit."""

    @app.task(name="wrong", shared=False)
    def wrong() -> None:
        raise AssertionError("wrong")

    with VirtualCelery(app, start=NOON, allow_threads=True) as celery, ThreadPoolExecutor(1) as pool:
        with pytest.raises(AssertionError, match="wrong"):
            pool.submit(wrong).result()
        celery.advance(HOUR)
