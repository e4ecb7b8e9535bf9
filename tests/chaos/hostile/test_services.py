"""The same on real brokers, and what each of them does with a message that ends the worker while it is read."""

import struct
from pathlib import Path
from typing import Any

import pytest

from ..services.site import Broker, Kind, site
from . import bodies, keys
from .cases import CASES
from .wire import QUEUE
from .worker import Worker

pytestmark = pytest.mark.services

BROKERS: tuple[Broker, ...] = ("redis", "rabbitmq", "quorum")
# Enough for py-amqp, which reads a table by recursion; few enough for one frame.
ABYSS = 5_000


@pytest.mark.parametrize("broker", BROKERS)
def test_hostile_messages_cost_nothing_but_lines_in_the_log(broker: Broker, tmp_path: Path) -> None:
    """All that the broker takes at once, as each alone on the Redis without a server; a good one is paid after."""
    kind = Kind(broker=broker, database="sqlite", results="database")
    if lack := kind.lacks():
        pytest.skip(lack)
    cases = [case for case in CASES.values() if broker == "redis" or not case.virtual]
    with site(kind, tmp_path) as made, Worker(made, tmp_path, refunds=2 * len(cases)) as running:
        running.take_all(cases)
        running.end()


@pytest.mark.parametrize("broker", ["rabbitmq", "quorum"])
def test_headers_that_cannot_be_read_are_refused(broker: Broker, tmp_path: Path) -> None:
    """py-amqp fails on them before any consumer; the worker reads the message as one without headers, and lives."""
    kind = Kind(broker=broker, database="sqlite", results="database")
    if lack := kind.lacks():
        pytest.skip(lack)
    with site(kind, tmp_path) as made, Worker(made, tmp_path, refunds=2) as running:
        # Tables in tables, an instant beyond all, and a name that is not UTF-8: RabbitMQ passes them on.
        for table in (_abyss(), b"\x01xT" + b"\xff" * 8, b"\x02\xff\xfeV"):
            _put_table(running, table)
        running.pay_one()
        for error in ("RecursionError", "OverflowError"):
            assert f"Unreadable: RabbitMQ: its headers: {error}" in running.log()
        running.pay_one()
        running.end()


def test_garbage_in_a_real_redis_ends_no_worker(tmp_path: Path) -> None:
    """Keys of other types, what a worker holds, and what lies there at its start: as on the Redis without a server."""
    kind = Kind(broker="redis", database="sqlite", results="database")
    if lack := kind.lacks():
        pytest.skip(lack)
    with site(kind, tmp_path) as made:
        made.celery["broker_transport_options"] |= {"unacked_restore_interval": 1, "unacked_restore_throttle": 1}
        with Worker(made, tmp_path, refunds=200) as running:
            for act in (*keys.RUNNING.values(), *keys.HELD_WHILE_RUNNING.values()):
                running.survive(*act)
            for act in keys.AT_START.values():
                running.find_at_start(*act)
            running.end()


def test_remote_control_that_cannot_be_read_ends_no_worker(tmp_path: Path) -> None:
    """With remote control on, whatever is published to it; and the worker still answers it."""
    kind = Kind(broker="redis", database="sqlite", results="database")
    if lack := kind.lacks():
        pytest.skip(lack)
    with site(kind, tmp_path) as made:
        made.celery["worker_enable_remote_control"] = True
        with Worker(made, tmp_path, refunds=200) as running:
            for act in keys.PUBLISHED.values():
                running.survive(*act)
            assert "pong" in running.ask("ping")
            running.end()


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_inspect_says_that_remote_control_is_off(broker: Broker, tmp_path: Path) -> None:
    """Off by default: no worker answers, and the command says what to set."""
    kind = Kind(broker=broker, database="sqlite", results="database")
    if lack := kind.lacks():
        pytest.skip(lack)
    with site(kind, tmp_path) as made, Worker(made, tmp_path, refunds=1) as running:
        said = running.ask("ping")
        assert "set CELERY_WORKER_ENABLE_REMOTE_CONTROL for the workers and for this command" in said
        assert "No nodes replied" in said
        running.pay_one()
        running.end()


def test_celerys_own_consumer_is_ended_by_a_body_of_null(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Why there is one of ours: each worker ends, and the message is back. Where this fails, Celery has fixed it."""
    kind, folder = Kind(broker="redis", database="sqlite", results="database"), tmp_path_factory.mktemp("alone")
    if lack := kind.lacks():
        pytest.skip(lack)
    with site(kind, folder) as made:
        made.celery["worker_consumer"] = "celery.worker.consumer:Consumer"
        with Worker(made, folder, refunds=1) as running:
            with running.connection() as connection:
                bodies.REFUSED["null"](1).put(connection.default_channel)
            for _ in range(2):
                status, log = running.wait_for_death()
                assert status == 1
                assert "Unrecoverable error: TypeError" in log
                assert running.left() == 1
                running.start_after_death()


def _abyss() -> bytes:
    """A table of headers nested so deep that no client would write it."""
    table = b""
    for _ in range(ABYSS):
        table = b"\x01xF" + struct.pack(">L", len(table)) + table
    return table


def _put_table(worker: Worker, table: bytes) -> None:
    """Publish a message with these headers, written by hand."""
    with worker.connection() as connection:
        channel: Any = connection.default_channel
        message = channel.prepare_message(b"null", content_encoding="utf-8")
        # Of the basic class's properties the headers alone: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
        message._serialize_properties = lambda: struct.pack(">HL", 1 << 13, len(table)) + table
        channel.basic_publish(message, exchange="", routing_key=QUEUE)
