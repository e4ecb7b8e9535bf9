"""The same on real brokers, and what each of them does with a message that ends the worker while it is read."""

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Exchange

from ..services.site import Broker, Kind, site
from . import bodies
from .cases import CASES
from .wire import EXCHANGE, QUEUE
from .worker import Worker

pytestmark = pytest.mark.services

BROKERS: tuple[Broker, ...] = ("redis", "rabbitmq", "quorum")
# Enough for py-amqp, which reads a table by recursion; few enough for one frame.
ABYSS = 5_000


@pytest.fixture(scope="module", params=BROKERS)
def worker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One for all cases on a broker: what one of them leaves behind meets the others."""
    kind, folder = Kind(broker=request.param, database="sqlite", results="database"), tmp_path_factory.mktemp("hostile")
    if lack := kind.lacks():
        pytest.skip(lack)
    with site(kind, folder) as made, Worker(made, folder, refunds=2 * len(CASES)) as running:
        yield running
        running.end()


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_message_costs_nothing_but_a_line_in_the_log(worker: Worker, name: str) -> None:
    """As on the Redis without a server, wherever the broker takes the message at all."""
    if not CASES[name].virtual or worker.site.kind.broker == "redis":
        worker.take(CASES[name])


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
        Exchange(EXCHANGE, type="topic")(channel).declare()
        message = channel.prepare_message(b"null", content_encoding="utf-8")
        # Of the basic class's properties the headers alone: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
        message._serialize_properties = lambda: struct.pack(">HL", 1 << 13, len(table)) + table
        channel.basic_publish(message, exchange=EXCHANGE, routing_key=QUEUE)
