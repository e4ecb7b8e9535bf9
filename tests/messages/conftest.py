"""The eager lane: imports, routing and serialisation only. Eager mode says nothing true about time."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from celery import Celery
from celery.app import app_or_default

# The app of the project, whichever that is.
app: Celery = app_or_default()


@pytest.fixture
def published() -> Generator[list[dict[str, Any]]]:
    """Every message published through the in-memory broker: its queue, headers and JSON body."""
    messages: list[dict[str, Any]] = []
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        for queue in app.amqp.queues.values():
            queue(channel).declare()
            queue(channel).purge()
        yield messages
        for queue in app.amqp.queues.values():
            queue(channel).purge()


def drain() -> list[dict[str, Any]]:
    """Take what is in the queues, in their order: name, queue, keyword arguments and headers."""
    found = []
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        for queue in app.amqp.queues.values():
            while (message := queue(channel).get(no_ack=True)) is not None:
                _args, kwargs, _embed = json.loads(message.body or "")
                found.append(
                    {"task": message.headers["task"], "queue": queue.name, "kwargs": kwargs, "headers": message.headers}
                )
    return found
