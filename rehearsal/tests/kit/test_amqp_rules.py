"""What an app asks of RabbitMQ: "memory" acts on it or refuses it by name."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import NotSimulatedError, NotSimulatedWarning, VirtualCelery
from kombu import Exchange, Queue

from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)

REFUSED: dict[str, dict[str, Any]] = {
    "x-max-length": {"max_length": 10},
    "x-max-length-bytes": {"max_length_bytes": 10},
    "x-dead-letter-exchange": {"queue_arguments": {"x-dead-letter-exchange": "dead", "x-dead-letter-routing-key": "k"}},
    "x-single-active-consumer": {"queue_arguments": {"x-single-active-consumer": True}},
    "x-priority": {"consumer_arguments": {"x-priority": 5}},
    "headers": {"exchange": Exchange("h", type="headers")},
    "x-consistent-hash": {"exchange": Exchange("h", type="x-consistent-hash")},
    "alternate-exchange": {"exchange": Exchange("h", arguments={"alternate-exchange": "other"})},
}


def on_amqp(**settings: Any) -> Celery:
    """The shop on RabbitMQ."""
    return make_app(broker_url="amqp://broker.invalid", **settings)


def on_redis(**settings: Any) -> Celery:
    """The shop on Redis."""
    return make_app(broker_url="redis://broker.invalid", **settings)


def order(app: Celery, *priorities: Any, waits: bool = False) -> list[Any]:
    """The order in which messages of these priorities run; the worker waits for them, or starts after they are sent."""
    ran: list[Any] = []

    @app.task(name="ordered", acks_late=True, shared=False)
    def ordered(priority: int | None) -> None:
        ran.append(priority)

    with VirtualCelery(app, start=NOON, beats=0) as celery:
        if not waits:
            celery.stop_worker()
        for priority in priorities:
            ordered.apply_async((priority,), priority=priority)
        if not waits:
            celery.start_worker()
        celery.advance(timedelta(0))
    return ran


@pytest.mark.parametrize("name", REFUSED)
def test_a_queue_that_asks_for_more_is_refused(name: str) -> None:
    """At the start, by the name of what it asks for; on Redis kombu ignores it, and so does the cluster."""
    app = on_amqp(task_queues=[Queue("celery", **REFUSED[name])])
    with pytest.raises(NotSimulatedError, match=rf"has .*\b{name}\b.*amqp_features"):
        VirtualCelery(app, start=NOON).__enter__()


@pytest.mark.parametrize("inside", [True, False])
def test_a_queue_made_later_is_refused(inside: bool) -> None:
    """Also where code declares it while the cluster runs; in a task no retry swallows the refusal."""
    app = on_amqp()

    @app.task(name="declare", shared=False, autoretry_for=(Exception,))
    def declare() -> None:
        with app.connection_for_write() as connection:
            Queue("other", max_length=3)(connection.default_channel).declare()

    with VirtualCelery(app, start=NOON) as celery:
        declare.delay()
        with pytest.raises(NotSimulatedError, match="queue 'other' has x-max-length"):
            celery.advance(HOUR) if inside else declare()


@pytest.mark.parametrize("own", [True, False])
def test_a_message_expires_in_its_queue(own: bool) -> None:
    """What no worker takes before its `expires`, or the queue's TTL, RabbitMQ drops: nothing says so, no result either.

    Redis keeps it, and the next worker tells that it has expired.
    """
    options: dict[str, Any] = {"expires": 60} if own else {}
    for app, kinds in ((on_amqp(), []), (on_redis(), ["expired"] if own else ["started"])):
        app.conf.task_queues = [Queue("celery", message_ttl=None if own else 60)]
        with VirtualCelery(app, start=NOON, beats=0) as celery:
            celery.stop_worker()
            app.tasks["note"].apply_async(**options)
            celery.advance(seconds=59)
            assert len(celery.pending().queued) == 1
            celery.advance(seconds=2)
            celery.start_worker()
            celery.advance(HOUR)
            assert [record.kind for record in celery.timeline if record.kind in {"expired", "started"}] == kinds


@pytest.mark.parametrize(
    "settings",
    [
        {"task_queue_max_priority": 5},
        {"task_queues": [Queue("celery", max_priority=5)]},
        {"task_queues": [Queue("celery", queue_arguments={"x-max-priority": 5})]},
    ],
)
def test_priorities_up_to_the_queues_highest(settings: dict[str, Any]) -> None:
    """The higher is first, above the queue's highest all are equal, and a message without one is the lowest."""
    assert order(on_amqp(**settings), None, 1, 5, 9, 0) == [5, 9, 1, None, 0]


def test_without_a_highest_priority_all_are_equal() -> None:
    """A queue without x-max-priority ignores priorities, as RabbitMQ does; on Redis 0 comes first."""
    assert order(on_amqp(), 0, 9, 5) == [0, 9, 5]
    assert order(on_redis(), 9, 0, 5) == [0, 5, 9]


def test_a_worker_that_waits_takes_what_comes_first() -> None:
    """It has taken a message before a more urgent one is sent: one on Redis, as many as its prefetch on RabbitMQ."""
    for multiplier, ran in ((1, [4, 9, 0]), (2, [4, 0, 9])):
        app = on_amqp(task_queue_max_priority=9, worker_prefetch_multiplier=multiplier, worker_concurrency=1)
        assert order(app, 4, 0, 9, waits=True) == ran
    assert order(on_redis(worker_prefetch_multiplier=4), 4, 9, 0, waits=True) == [4, 0, 9]


def test_a_queue_expires_unused() -> None:
    """x-expires: a queue that no worker consumes is gone after that time, and its messages with it."""
    app = on_amqp(task_queues=[Queue("celery"), Queue("short", expires=60)])
    with VirtualCelery(app, start=NOON, workers={"one": ["celery"]}, beats=0) as celery:
        app.tasks["note"].apply_async(queue="short")
        celery.advance(seconds=59)
        assert [message.queue for message in celery.pending().queued] == ["short"]
        celery.advance(seconds=1)
        celery.assert_idle()


def test_a_message_unacked_for_too_long_warns() -> None:
    """RabbitMQ's consumer_timeout: a longer countdown ends its worker there; here it warns, once in a cluster."""
    app = on_amqp()
    with VirtualCelery(app, start=NOON, beats=0) as celery, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        app.tasks["note"].apply_async(countdown=1800)
        celery.advance(HOUR)
        assert not warned
        for countdown in (1900, 2000, 7000):
            app.tasks["note"].apply_async(countdown=countdown)
        celery.advance(2 * HOUR)
    assert [one.category for one in warned] == [NotSimulatedWarning]
    assert str(warned[0].message).startswith("note is unacked after 30 minutes; ")
    assert "'consumer_timeout'" in str(warned[0].message)
