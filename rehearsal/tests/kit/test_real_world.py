"""The real world stays outside: servers, threads, and what only a broker of its own can do."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from celery_rehearsal import NotSimulatedError, RealWorldError, VirtualCelery
from kombu import Queue

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery


def test_a_connection_to_a_server_is_refused(app: Celery) -> None:
    """A connection by URL of its own would go round the cluster's broker."""
    with VirtualCelery(app, start=NOON), pytest.raises(RealWorldError, match=r"redis://other\.invalid"):
        app.connection("redis://other.invalid/0")


def test_a_socket_is_refused(app: Celery) -> None:
    """A server keeps real time, so no socket opens under virtual time."""
    with (
        VirtualCelery(app, start=NOON),
        socket.socket() as sock,
        pytest.raises(RealWorldError, match="allow_sockets"),
    ):
        sock.connect(("127.0.0.1", 9))


def test_a_thread_is_refused(app: Celery) -> None:
    """A thread would see the clock move under it."""
    with VirtualCelery(app, start=NOON), pytest.raises(RealWorldError, match="allow_threads"):
        threading.Thread(target=print).start()


def test_a_thread_inside_a_task_stops_the_test(app: Celery) -> None:
    """In a task the refusal is not the task's own failure: it leaves the cluster."""

    @app.task(name="forks", shared=False, autoretry_for=(Exception,))
    def forks() -> None:
        threading.Thread(target=print).start()

    with VirtualCelery(app, start=NOON) as celery:
        forks.delay()
        with pytest.raises(RealWorldError, match="allow_threads"):
            celery.advance(timedelta(0))
        celery.assert_sent("forks", times=1)


def test_what_is_meant_is_allowed(app: Celery) -> None:
    """A thread that the test says it wants runs."""
    seen: list[int] = []
    with VirtualCelery(app, start=NOON, allow_threads=True):
        thread = threading.Thread(target=seen.append, args=(1,))
        thread.start()
        thread.join()
    assert seen == [1]


def test_quorum_queues_are_refused() -> None:
    """Native delayed delivery exists on RabbitMQ alone."""
    from .shop import make_app

    app = make_app(task_queues=[Queue("q", queue_arguments={"x-queue-type": "quorum"})])
    with pytest.raises(NotSimulatedError, match="quorum_queues"), VirtualCelery(app, start=NOON):
        pass
