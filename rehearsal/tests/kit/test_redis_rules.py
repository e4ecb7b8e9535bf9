"""Redis as kombu uses it: the kit's against a real server, and what follows for an app."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import VirtualCelery
from celery_rehearsal.broker import Tap
from celery_rehearsal.fake_redis import RedisBroker
from kombu import Connection, Exchange, Queue
from kombu.common import Broadcast
from kombu.transport.redis import Transport

from .conftest import NOON
from .redis_program import Program
from .redis_stories import STORIES, play
from .servers import contents, own_redis, wake

if TYPE_CHECKING:
    from celery import Celery


# Seconds for which a client waits in one BRPOP: longer than a story takes on a busy machine, because in the gap between
# two the order of messages is another.
LONG = 600


def new_transport() -> type[Transport]:
    """kombu's, as a new process has it: kombu keeps in a dict of the class which queues hear a broadcast."""
    channel = type("Channel", (Transport.Channel,), {"_fanout_queues": {}})
    return type("Patient", (Transport,), {"Channel": channel, "brpop_timeout": LONG})


@pytest.mark.services
@pytest.mark.parametrize("name", STORIES)
def test_a_program_sees_the_same_on_redis(name: str) -> None:
    """Order, priorities, restoration, fanout, sizes and keys: the same program on a real server and on the kit's."""
    transport = new_transport()
    with own_redis() as (url, client):
        on_redis = play(
            STORIES[name],
            Program(
                lambda options: Connection(url, transport=transport, transport_options=options),
                lambda: contents(client),
                lambda: wake(client),
            ),
        )
    broker = RedisBroker(Tap(lambda *_args: None), STORIES[name].options)

    def connect(options: dict[str, Any]) -> Connection:
        return Connection(transport=broker.transport, transport_options=options)

    assert play(STORIES[name], Program(connect, lambda: contents(broker.client))) == on_redis


def ran(app: Celery, *sent: tuple[str, int], **options: Any) -> list[tuple[str, int]]:
    """Queue and priority of each message in the order in which they run. The worker starts after they are sent."""
    order: list[tuple[str, int]] = []

    @app.task(name="ordered", shared=False)
    def ordered(queue: str, priority: int) -> None:
        order.append((queue, priority))

    app.conf.update(task_queues=[Queue("b"), Queue("a")], broker_transport_options=options)
    with VirtualCelery(app, start=NOON, beats=0) as celery:
        celery.stop_worker()
        for queue, priority in sent:
            ordered.apply_async((queue, priority), queue=queue, priority=priority)
        celery.start_worker()
        celery.advance(timedelta(0))
    return order


def test_the_priority_comes_before_the_queue(app: Celery) -> None:
    """The most urgent of all queues is first; of two as urgent, the queue that was not served last."""
    sent = [("b", 9), ("b", 0), ("a", 9), ("a", 0), ("b", 0)]
    assert ran(app, *sent) == [("b", 0), ("a", 0), ("b", 0), ("a", 9), ("b", 9)]


def test_the_order_of_queues_is_the_apps(app: Celery) -> None:
    """`queue_order_strategy` and `priority_steps` are the app's: sorted queues, and one step for all priorities."""
    sent = [("b", 9), ("a", 9), ("b", 0), ("a", 0)]
    in_order = [("a", 9), ("a", 0), ("b", 9), ("b", 0)]
    assert ran(app, *sent, queue_order_strategy="sorted", priority_steps=[0]) == in_order


def test_a_copy_has_the_priority_of_its_message(app: Celery) -> None:
    """`deliver_twice` puts the copy where the message was, and not before less urgent ones."""
    with VirtualCelery(app, start=NOON, beats=0) as celery:
        celery.stop_worker()
        sent = app.tasks["note"].apply_async(("late",), priority=9)
        celery.deliver_twice(sent.id)
        other = app.tasks["note"].apply_async(("soon",), priority=0)
        celery.start_worker()
        celery.advance(timedelta(0))
        assert [record.id for record in celery.timeline.of("started")] == [other.id, sent.id, sent.id]


@pytest.mark.parametrize("end", ["kill_worker", "stop_worker"])
def test_what_a_worker_has_not_read_is_not_lost(app: Celery, end: str) -> None:
    """A worker that waits ends before it reads a message that was sent to it: the next worker runs it."""
    with VirtualCelery(app, start=NOON, beats=0) as celery:
        app.tasks["note"].delay()
        assert [message.task for message in celery.pending().queued] == ["note"]
        getattr(celery, end)()
        assert [message.task for message in celery.pending().queued] == ["note"]
        celery.start_worker()
        celery.advance(timedelta(0))
        celery.assert_ran("note", times=1)
        celery.assert_idle()


def test_a_lost_broker_loses_what_is_under_way(app: Celery) -> None:
    """Also what it had handed to a worker that waits; that worker takes the next message."""
    with VirtualCelery(app, start=NOON, beats=0, workers=2) as celery:
        app.tasks["note"].delay()
        celery.lose_broker()
        celery.assert_idle()
        app.tasks["late"].delay()
        celery.advance(timedelta(0))
        assert [record.task for record in celery.timeline.of("started")] == ["late"]


KNOWN: dict[str, Any] = {"declare": [Exchange("news", type="fanout")], "routing_key": "celery"}


@pytest.mark.parametrize(("options", "workers"), [({}, []), (KNOWN, ["worker1", "worker2"])])
def test_a_broadcast(app: Celery, options: Any, workers: list[str]) -> None:
    """Each worker hears what is sent with exchange and key; the settings of Celery's documentation lack them."""
    app.conf.task_queues = [Queue("celery"), Broadcast("news")]
    app.conf.task_routes = {"note": {"queue": "news", "exchange": "news"}}
    with VirtualCelery(app, start=NOON, beats=0, workers=2) as celery:
        app.tasks["note"].apply_async(**options)
        celery.advance(timedelta(0))
        assert [record.worker for record in celery.timeline.of("started")] == workers
