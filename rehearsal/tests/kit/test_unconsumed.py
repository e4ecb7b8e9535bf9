"""A worker consumes what a real one would; a message that nobody consumes says so."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.exceptions import QueueNotFound
from celery.schedules import crontab
from celery_rehearsal import BadUseError, NeverIdleError, VirtualCelery
from kombu import Exchange, Producer, Queue
from kombu.transport.virtual import UndeliverableWarning

from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)


def by_function(name: str, args: Any, kwargs: Any, options: Any, task: Any = None, **_kw: Any) -> Any:
    return {"queue": "mail"} if name == "note" else None


class ByClass:
    """A router class as Celery had before 4.0, and still takes."""

    def route_for_task(self, name: str, _args: Any = None, _kwargs: Any = None) -> Any:
        return {"queue": "mail"} if name == "note" else None


class ByCall:
    """A router object."""

    def __call__(self, name: str, *_args: Any, **_kwargs: Any) -> Any:
        return "mail" if name == "note" else None


ROUTES = {
    "dict": {"note": {"queue": "mail"}},
    "name": {"note": "mail"},
    "glob": {"no*": {"queue": "mail"}},
    "expression": {re.compile(r"no.e"): {"queue": "mail"}},
    "list of dicts": [{"late": {"queue": "other"}}, {"note": {"queue": "mail"}}],
    "tuple of pairs": ([("late", {"queue": "other"}), (re.compile("note"), {"queue": "mail"})],),
    "function": by_function,
    "list with a function": [{"late": {"queue": "other"}}, by_function],
    "object": (ByCall(),),
    "object of a class": (ByClass(),),
    "path of a function": (f"{__name__}.by_function",),
    "path of a class": (f"{__name__}.ByClass",),
}
routed = pytest.mark.parametrize("routes", ROUTES.values(), ids=ROUTES)


@routed
def test_a_worker_without_queues_takes_the_default_queue_only(app: Celery, transport: str, routes: Any) -> None:
    """As `celery worker` without -Q does: what a router sends elsewhere waits, and says that nobody consumes it."""
    app.conf.task_routes = routes
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].delay()
        app.tasks["add"].delay([1])
        celery.advance(HOUR)
        celery.assert_not_ran("note")
        celery.assert_ran("add")
        assert [(m.task, m.queue) for m in celery.pending().unconsumed] == [("note", "mail")]
        assert [(r.task, r.queue, r.by) for r in celery.timeline.of("unconsumed")] == [("note", "mail", "test")]


@routed
def test_a_worker_with_every_queue_takes_what_a_router_chooses(app: Celery, transport: str, routes: Any) -> None:
    """With "*" a worker consumes each queue that a task is sent to, whatever kind of router chose it."""
    app.conf.task_routes = routes
    with VirtualCelery(app, start=NOON, transport=transport, workers={"all": "*"}) as celery:
        app.tasks["note"].delay()
        celery.run_until_idle()
        celery.assert_ran("note", times=1)
        assert celery.timeline.of("unconsumed") == []


def test_a_worker_without_queues_takes_all_of_task_queues(transport: str) -> None:
    """Where the app declares queues, a worker without -Q consumes each of them."""
    app = make_app(task_queues=[Queue("one"), Queue("two")], task_default_queue="one")
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].apply_async(queue="two")
        app.tasks["note"].apply_async(queue="three")
        celery.advance(HOUR)
        assert [m.queue for m in celery.pending().unconsumed] == ["three"]
        celery.assert_ran("note", times=1)


def test_a_late_task_to_every_queue_survives_a_restart(app: Celery, transport: str) -> None:
    """A worker with "*" that was down takes what was sent to a new queue in between."""
    with VirtualCelery(app, start=NOON, transport=transport, workers={"all": "*"}) as celery:
        celery.kill_worker()
        app.tasks["note"].apply_async(queue="new")
        assert celery.pending().unconsumed == []
        celery.start_worker()
        celery.run_until_idle()
        celery.assert_ran("note", times=1)


def test_the_idle_error_names_the_queue_and_the_workers(app: Celery, transport: str) -> None:
    """It comes at once, names queue and workers, and shows how to get a worker that consumes it."""
    app.conf.beat_schedule = {"hourly": {"task": "add", "schedule": crontab(minute=0), "args": ([1],)}}
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].apply_async(queue="mail")
        with pytest.raises(NeverIdleError) as caught:
            celery.run_until_idle()
        assert celery.now == NOON
        message = str(caught.value)
        assert "unconsumed note[" in message
        assert "nobody consumes queue 'mail'; worker1 consumes celery; say workers={'name': ['mail']}" in message


def test_assert_idle_says_unconsumed(app: Celery) -> None:
    """The assertion shows it too, and fails."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].apply_async(queue="mail")
        with pytest.raises(AssertionError, match=r"unconsumed note\["):
            celery.assert_idle()


def test_next_at_does_not_count_what_nobody_takes(app: Celery, transport: str) -> None:
    """A message that nobody consumes is nothing that the cluster will do."""
    with VirtualCelery(app, start=NOON, transport=transport, beats=0) as celery:
        app.tasks["note"].apply_async(queue="mail")
        assert celery.next_at() is None


def test_a_message_for_a_worker_that_is_down_is_not_unconsumed(app: Celery, transport: str) -> None:
    """It waits for its worker, which the idle error names."""
    with VirtualCelery(app, start=NOON, transport=transport, workers={"mail": ["mail"]}, beats=0) as celery:
        celery.kill_worker("mail")
        app.tasks["note"].apply_async(queue="mail")
        assert celery.timeline.of("unconsumed") == []
        assert celery.pending().unconsumed == []
        with pytest.raises(NeverIdleError, match=r"mail is down; start_worker\('mail'\)"):
            celery.run_until_idle()
        celery.start_worker("mail")
        celery.run_until_idle()
        celery.assert_ran("note", times=1, worker="mail")


@pytest.mark.parametrize("name", ["mail", "worker1"])
def test_a_worker_started_later_with_the_queue_takes_it(app: Celery, transport: str, name: str) -> None:
    """A new worker, or one that is started again with other queues, consumes what waited."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].apply_async(queue="mail")
        celery.advance(HOUR)
        if name == "worker1":
            celery.stop_worker(name)
        celery.start_worker(name, queues=["celery", "mail"])
        celery.run_until_idle()
        celery.assert_ran("note", at=NOON + HOUR, worker=name)


def test_a_consumer_that_is_added_or_cancelled_counts(app: Celery, transport: str) -> None:
    """What a worker's own code adds or cancels at run time is consumed or not, until the worker starts again."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        consumer = celery.workers["worker1"].consumer
        consumer.add_task_queue("mail")
        app.tasks["note"].apply_async(queue="mail")
        celery.run_until_idle()
        consumer.cancel_task_queue("mail")
        app.tasks["note"].apply_async(queue="mail")
        assert [m.queue for m in celery.pending().unconsumed] == ["mail"]
        celery.assert_ran("note", times=1)


def test_a_message_is_recorded_as_unconsumed_once(app: Celery, transport: str) -> None:
    """Each message once, a retry into the same queue again, because it is a new message."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].apply_async(queue="mail", countdown=60)
        app.tasks["note"].apply_async(queue="mail")
        celery.advance(24 * HOUR)
        assert len(celery.timeline.of("unconsumed")) == 2
        assert "unconsumed" in str(celery.timeline)


def test_missing_queues_are_not_made_where_the_app_forbids_it(transport: str) -> None:
    """With task_create_missing_queues off the publish fails, as in production, and nothing waits anywhere."""
    app = make_app(task_create_missing_queues=False)
    with VirtualCelery(app, start=NOON, transport=transport, workers={"all": "*"}) as celery:
        with pytest.raises(QueueNotFound, match="mail"):
            app.tasks["note"].apply_async(queue="mail")
        celery.assert_idle()


@pytest.mark.parametrize("queues", ["mail", []])
def test_the_queues_of_a_worker_are_a_list(app: Celery, queues: Any) -> None:
    """A string would be its letters, and no queue at all is no worker."""
    with pytest.raises(BadUseError, match="queue"), VirtualCelery(app, start=NOON, workers={"w": queues}):
        pass


def test_an_exchange_without_a_queue_loses_the_message(app: Celery, transport: str) -> None:
    """AMQP and Redis drop what no queue is bound for; the timeline says so, and nothing waits."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        news = Exchange("news", type="topic")
        with app.connection_for_write() as connection:
            news(connection.default_channel).declare()
        app.tasks["note"].apply_async(exchange=news, routing_key="a.b")
        celery.assert_idle()
        [record] = celery.timeline.of("unroutable", "note")
        assert record.detail == "lost: no queue is bound to exchange 'news' for 'a.b'"


def test_an_exchange_that_nobody_declared_loses_the_message(app: Celery, transport: str) -> None:
    """The first publish passes, as in production; RabbitMQ then closes the channel under the next."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].apply_async(exchange="nowhere", routing_key="a.b")
        celery.assert_idle()
        [record] = celery.timeline.of("unroutable", "note")
        on_amqp = "; nobody declared the exchange; on RabbitMQ the next publish raises NotFound"
        assert record.detail.endswith(on_amqp if transport == "memory" else "for 'a.b'")


def test_a_dead_letter_queue_keeps_what_has_no_queue() -> None:
    """kombu's option for Redis: it warns, and the message waits in a queue that nobody consumes."""
    app = make_app(broker_transport_options={"deadletter_queue": "dead"})
    with VirtualCelery(app, start=NOON, transport="fakeredis") as celery:
        with pytest.warns(UndeliverableWarning, match="news"):
            app.tasks["note"].apply_async(exchange=Exchange("news", type="topic"), routing_key="a.b")
        assert [(m.task, m.queue) for m in celery.pending().unconsumed] == [("note", "dead")]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown task": ({"headers": {"task": "nope", "id": "1"}, "body": [[], {}, {}]}, "unknown task"),
    "no task": ({"headers": {}, "body": {"hello": 1}}, "not a task message"),
    "no dictionary": ({"headers": {}, "body": b'"text"', "content_type": "application/json"}, "not a task message"),
    "bad json": (
        {"headers": {"task": "note", "id": "1"}, "body": b"{", "content_type": "application/json"},
        "undecodable",
    ),
    "content refused": (
        {"headers": {"task": "note", "id": "1"}, "body": b"x", "content_type": "application/x-python-serialize"},
        "ContentDisallowed",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_message_that_no_worker_can_run_is_recorded_once(app: Celery, transport: str, kind: str) -> None:
    """With the reason; Celery rejects it or acks it, and it never comes back."""
    message, why = WRONG[kind]
    options = dict(message)
    body = options.pop("body")
    if isinstance(body, bytes):
        options |= {"content_encoding": "utf-8"}
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        with app.connection_for_write() as connection:
            Producer(connection).publish(body, routing_key="celery", retry=False, **options)
        celery.run_until_idle()
        [record] = celery.timeline
        assert record.kind == "rejected"
        assert why in record.detail
        assert record.worker == "worker1"


def test_an_expired_message_is_recorded_once(app: Celery, transport: str) -> None:
    """As expired, and not as rejected besides. RabbitMQ drops it, by the time to live that Celery gives it."""
    with VirtualCelery(app, start=NOON, transport=transport, workers={"w": ["celery"]}) as celery:
        celery.stop_worker()
        app.tasks["note"].apply_async(expires=60)
        celery.advance(HOUR)
        celery.start_worker()
        celery.run_until_idle()
        known = ["sent", "expired"] if transport == "fakeredis" else ["sent"]
        assert [r.kind for r in celery.timeline if r.task == "note"] == known
