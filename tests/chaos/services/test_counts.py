"""What the reconciler counts is what the servers say."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from celery import Celery
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError

from refunds import outbox

from . import servers

pytestmark = pytest.mark.services


@pytest.fixture(params=["redis", "redis with a prefix", "rabbitmq"])
def app(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """An app on a real broker, with queues of this test alone."""
    server = request.param.split()[0]
    if lack := servers.lack(server):
        pytest.skip(lack)
    with ExitStack() as stack:
        prefix = stack.enter_context(servers.key_prefix()) if server == "redis" else ""
        url = f"{servers.REDIS.rstrip('/')}/2" if prefix else stack.enter_context(servers.virtual_host())[1]
        made = Celery("counts", broker=url, set_as_current=False)
        if request.param.endswith("prefix"):
            made.conf.broker_transport_options = {"global_keyprefix": prefix}
        made.conf.task_queues = [Queue(f"{prefix}{name}", Exchange("counts"), f"{prefix}{name}") for name in "ab"]
        made.conf.task_routes = {"one": {"queue": f"{prefix}a"}, "two": {"queue": f"{prefix}b"}}
        monkeypatch.setattr(outbox, "current_app", made)
        stack.callback(made.close)
        yield made


def send(app: Celery, name: str, **options: Any) -> None:
    app.send_task(name, ignore_result=True, **options)


def test_a_queue_that_does_not_exist_has_no_messages(app: Celery) -> None:
    """Asked twice, because RabbitMQ closes the channel that asked; afterwards the same connection publishes."""
    assert (outbox.queued("one"), outbox.queued("one", "two")) == (0, 0)
    send(app, "one")
    assert (outbox.queued("one"), outbox.queued("two")) == (1, 0)


def test_messages_of_every_priority_are_counted_until_a_worker_has_them(app: Celery) -> None:
    """Redis keeps a list for each priority. What is delivered and not acknowledged is not counted."""
    for priority in (0, 3, 6, 9):
        send(app, "one", priority=priority)
    send(app, "two")
    assert (outbox.queued("one"), outbox.queued("two"), outbox.queued("one", "two", "one")) == (4, 1, 5)
    with app.connection_for_read() as connection:
        channel = connection.channel()
        message = app.amqp.queues[app.conf.task_routes["one"]["queue"]].bind(channel).get()
        assert message is not None
        assert outbox.queued("one") == 3
        message.requeue()
        assert outbox.queued("one") == 4
        message = app.amqp.queues[app.conf.task_routes["one"]["queue"]].bind(channel).get()
        assert message is not None
        message.ack()
    assert outbox.queued("one") == 3


def test_a_broker_that_is_away_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No number is made up: nobody listens on port 1."""
    made = Celery("counts", broker="redis://127.0.0.1:1", set_as_current=False)
    made.conf.task_publish_retry_policy = {"max_retries": 0}
    monkeypatch.setattr(outbox, "current_app", made)
    with pytest.raises(OperationalError):
        outbox.queued("one")
