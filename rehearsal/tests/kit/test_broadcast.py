"""A broadcast message reaches as many workers as on a real server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import VirtualCelery
from kombu import Connection

from .broadcast import TASK, make_app
from .conftest import NOON
from .servers import AMQP, check_rabbitmq, own_redis

if TYPE_CHECKING:
    from collections.abc import Iterator

# How often each worker answers after the message was sent: what reaches it at all has reached it then.
ANSWERS = 3

# Seconds for an answer; a limit for a hang, not a measure.
PATIENCE = 60

WORKERS = 2


@contextmanager
def server(transport: str) -> Iterator[str]:
    """The URL of a real broker of the transport's kind."""
    if transport == "memory":
        check_rabbitmq()
        yield AMQP
    else:
        with own_redis() as (url, _client):
            yield url


def real(url: str) -> list[int]:
    """How often each of two real workers ran the task that is sent once."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-W", "ignore", "-m", "kit.broadcast", url]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, f"worker{number}@%h"],
                    cwd=Path(__file__).parents[1],
                    env=environment,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(WORKERS)
        ]
        for worker in workers:
            stack.callback(worker.terminate)
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        app = make_app(url)
        app.tasks[TASK].delay()
        for _ in range(ANSWERS):
            wait_for_answers(app)
        for worker in workers:
            worker.terminate()
        told = [worker.communicate()[0] for worker in workers]
        app.close()
    with Connection(url) as connection:
        channel: Any = connection.channel()
        channel.queue_delete("rehearsal_default")
    return [text.count("ran\n") for text in told]


def wait_for_answers(app: Any) -> None:
    """Ping the workers until each has answered."""
    missing = {f"worker{number}@{gethostname()}" for number in range(WORKERS)}
    limit = time.monotonic() + PATIENCE
    while missing:
        assert time.monotonic() < limit, f"no answer from {missing} for {PATIENCE} s"
        for reply in app.control.ping(destination=sorted(missing), timeout=1, limit=len(missing)):
            missing -= reply.keys()


def virtual(url: str, transport: str) -> list[int]:
    """The same under the kit."""
    app: Any = make_app(url)
    with VirtualCelery(app, start=NOON, transport=transport, workers=WORKERS, beats=0) as celery:
        app.tasks[TASK].delay()
        celery.advance(seconds=PATIENCE)
        return [len(celery.timeline.of("started", worker=name)) for name in celery.workers]


@pytest.mark.services
@pytest.mark.parametrize(("transport", "runs"), [("memory", 1), ("fakeredis", 0)])
def test_broadcast_reaches_the_workers_that_it_reaches_on_a_server(transport: str, runs: int) -> None:
    """Each one on RabbitMQ. None on Redis: it publishes with a routing key, and workers listen without one."""
    with server(transport) as url:
        assert real(url) == virtual(url, transport) == WORKERS * [runs]


def test_broadcast_reaches_each_worker_on_memory() -> None:
    """As on AMQP: each process has drawn a name of its own for its queue."""
    app = make_app("amqp://broker.invalid")
    with VirtualCelery(app, start=NOON, transport="memory", workers=3) as celery:
        app.tasks[TASK].delay()
        celery.advance(minutes=1)
        assert sorted(record.worker for record in celery.timeline.of("started")) == ["worker1", "worker2", "worker3"]
        celery.kill_worker("worker1")
        celery.stop_worker("worker2")
        app.tasks[TASK].delay()
        celery.run_until_idle()
        assert [record.worker for record in celery.timeline.of("started")][3:] == ["worker3"]


def test_a_broadcast_message_of_a_lost_worker_is_lost() -> None:
    """Its queue goes with the worker. No other worker runs the task a second time."""
    app = make_app("amqp://broker.invalid")
    with VirtualCelery(app, start=NOON, transport="memory", workers=2) as celery:
        app.tasks[TASK].apply_async(countdown=60)
        celery.advance(seconds=1)
        celery.kill_worker("worker1")
        celery.run_until_idle()
        assert [record.worker for record in celery.timeline.of("started")] == ["worker2"]
        assert celery.timeline.of("redelivered") == []


def test_broadcast_reaches_nobody_on_redis() -> None:
    """kombu publishes to the routing key, and the workers listen without it."""
    app = make_app("redis://broker.invalid")
    with VirtualCelery(app, start=NOON, workers=2, transport="fakeredis") as celery:
        app.tasks[TASK].delay()
        celery.advance(minutes=1)
        celery.assert_not_ran(TASK)
        celery.assert_idle()
