"""A task for later, on RabbitMQ: with quorum queues it waits in RabbitMQ, with classic ones in the worker."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import signals
from kombu import Connection

from lesson.app import add, app, flaky
from lesson.worker import LONG, WAIT, Lane

from .. import servers
from .places import Places

pytestmark = pytest.mark.services
on_quorum = pytest.mark.parametrize("lane", [("quorum", "redis")], indirect=True, ids="-".join)
on_classic = pytest.mark.parametrize("lane", [("rabbitmq", "redis")], indirect=True, ids="-".join)
# Seconds: twelve days, and one level of the delay, which has a queue for each power of two.
LATER = 2**20


@pytest.fixture
def waited(worker: Lane) -> Iterator[list[list[str]]]:
    """For each message that comes to the worker, the queues in which it has waited for its time."""
    found: list[list[str]] = []

    def received(request: Any, **_signal: Any) -> None:
        found.append([death["queue"] for death in request.request_dict.get("x-death", [])])

    signals.task_received.connect(received)
    yield found
    signals.task_received.disconnect(received)


def held() -> set[str]:
    """The ids of the tasks that the worker keeps until their time comes."""
    assert add.delay(1, 1).get(**WAIT) == 2  # what was sent before has come, or will not
    (tasks,) = (app.control.inspect(timeout=LONG, limit=1).scheduled() or {}).values()
    return {task["request"]["id"] for task in tasks}


@on_quorum
@pytest.mark.parametrize("kind", ["countdown", "eta"])
def test_a_task_for_later_comes_through_the_delay_of_rabbitmq(waited: list[list[str]], kind: str) -> None:
    """`countdown` and `eta` are whole seconds in the queues `celery_delayed_*`; the worker waits for the rest."""
    when = {"countdown": 1} if kind == "countdown" else {"eta": datetime.now(UTC) + timedelta(seconds=1.5)}

    assert add.apply_async((2, 2), **when).get(**WAIT) == 4

    assert waited == [["celery_delayed_0"]]


@on_quorum
def test_the_worker_does_not_hold_what_rabbitmq_delays(worker: Lane, places: Places) -> None:
    """It lies in a quorum queue of RabbitMQ, where the worker that ends does not lose it."""
    later = add.apply_async((2, 2), countdown=LATER)

    assert later.id not in held()
    with Connection(worker.broker_url) as connection:
        assert _holds(connection, "celery_delayed_20", 1)
        # Asked of the queue itself: what rabbitmqctl lists of a queue's messages is some seconds old.
        assert _holds(connection, "celery", 0)
    listed = servers.rabbitmqctl("list_queues", "--silent", "--vhost", places.virtual_hosts["quorum"], "name", "type")
    rows = [line.split() for line in listed.splitlines()]
    assert {name for name, kind in rows if kind == "quorum"} == {
        *("celery", "multiplication"),
        *(f"celery_delayed_{level}" for level in range(28)),
    }


def _holds(connection: Connection, queue: str, count: int) -> bool:
    # Nobody says when RabbitMQ has passed a message on.
    channel: Any = connection.default_channel
    return any(channel.queue_declare(queue, passive=True).message_count == count for _ in range(LONG * 1000))


@on_classic
def test_the_worker_holds_what_is_due_later_on_classic_queues(worker: Lane) -> None:
    """Without quorum queues it is the worker that waits, with the message unacknowledged."""
    later = add.apply_async((2, 2), countdown=LATER)

    assert later.id in held()
    later.revoke()  # or it would come to the next worker


@pytest.mark.parametrize(
    "lane", [("memory", "redis"), ("redis", "redis"), ("rabbitmq", "redis")], indirect=True, ids="-".join
)
def test_a_countdown_below_a_second_holds(worker: Lane) -> None:
    """Where the worker waits, it waits for parts of a second too."""
    assert flaky.delay(1, countdown=0.01).get(**WAIT) == 2


@on_quorum
def test_a_countdown_below_a_second_is_refused_on_quorum_queues(worker: Lane) -> None:
    """kombu 5.7 cuts the countdown to whole seconds, and none of them is an error to it."""
    with pytest.raises(ValueError, match="countdown must be a positive number"):
        add.apply_async((2, 2), countdown=0.5)


@on_quorum
def test_a_retry_below_a_second_is_lost_on_quorum_queues(worker: Lane) -> None:
    """What `apply_async` refuses, `retry` does not publish: the task has failed, and nobody runs it again."""
    lost = flaky.delay(1, countdown=0.5)

    assert lost.id not in held()
    assert lost.state == "FAILURE"
    assert "countdown must be a positive number" in str(lost.result)
