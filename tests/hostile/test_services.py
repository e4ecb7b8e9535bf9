"""The same on real brokers, and what each of them does with a message that ends the worker while it is read."""

import struct
from pathlib import Path
from typing import Any

import pytest

from ..services.site import Broker, Kind, site
from . import bodies
from .cases import CASES
from .wire import QUEUE
from .worker import Worker

pytestmark = pytest.mark.services

BROKERS: tuple[Broker, ...] = ("redis", "rabbitmq", "quorum")
# Enough for py-amqp, which reads a table by recursion; few enough for one frame.
ABYSS = 5_000


@pytest.mark.parametrize("broker", BROKERS)
def test_hostile_messages_cost_nothing_but_lines_in_the_log(broker: Broker, tmp_path: Path) -> None:
    """All that the broker takes at once, as each by itself on the Redis without a server; a good one is paid after."""
    kind = Kind(broker=broker, database="sqlite", results="database")
    if lack := kind.lacks():
        pytest.skip(lack)
    cases = [case for case in CASES.values() if broker == "redis" or not case.virtual]
    with site(kind, tmp_path) as made, Worker(made, tmp_path, refunds=2 * len(cases)) as running:
        running.take_all(cases)
        running.end()


@pytest.mark.parametrize("broker", ["rabbitmq", "quorum"])
def test_headers_that_cannot_be_read_end_each_worker_until_the_queue_is_purged(
    broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No defence of ours comes before py-amqp; RabbitMQ gives the message to the next worker."""
    kind, folder = Kind(broker=broker, database="sqlite", results="database"), tmp_path_factory.mktemp("abyss")
    if lack := kind.lacks():
        pytest.skip(lack)
    with site(kind, folder) as made, Worker(made, folder, refunds=1) as running:
        _put_abyss(running)
        status, log = running.wait_for_death()
        assert status == 1
        assert "RecursionError" in log
        running.start_after_death()
        status, _ = running.wait_for_death()
        assert status == 1
        running.purge()
        running.start_again()
        running.pay_one()
        running.end()


def test_celerys_own_consumer_is_ended_by_a_body_of_null(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Why there is one of ours: each worker ends, and the message is back. Where this fails, Celery has mended it."""
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


def _put_abyss(worker: Worker) -> None:
    """Headers nested so deep that no client would write them: the bytes are written by hand."""
    table = b""
    for _ in range(ABYSS):
        table = b"\x01xF" + struct.pack(">L", len(table)) + table
    with worker.connection() as connection:
        channel: Any = connection.default_channel
        message = channel.prepare_message(b"null", content_encoding="utf-8")
        # Of the basic class's properties the headers alone: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
        message._serialize_properties = lambda: struct.pack(">HL", 1 << 13, len(table)) + table
        channel.basic_publish(message, exchange="", routing_key=QUEUE)
