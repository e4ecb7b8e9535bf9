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
def published() -> Generator[None]:
    """Have the in-memory broker's queues declared and empty at the beginning, and empty at the end."""
    drain()
    yield
    drain()


def drain() -> list[dict[str, Any]]:
    """Take what is in the queues, in their order: name, queue, keyword arguments and headers."""
    found = []
    with app.connection_for_read() as connection:
        for queue in app.amqp.queues.values():
            bound = queue(connection.default_channel)
            bound.declare()
            while (message := bound.get(no_ack=True)) is not None:
                _args, kwargs, _embed = json.loads(message.body or "")
                found.append(
                    {"task": message.headers["task"], "queue": queue.name, "kwargs": kwargs, "headers": message.headers}
                )
    return found
