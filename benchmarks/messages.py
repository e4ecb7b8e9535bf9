"""Messages to a worker that is measured, from this process. Wants `run.prepare()` before."""

from collections.abc import Mapping, Sequence
from typing import Any

from .processes import Worker

# Messages for each child, so that each of them gets some.
EACH = 4


def send(broker: str, task: str, messages: Sequence[Mapping[str, Any]]) -> None:
    """Publish a message for each mapping of arguments to the task of that name."""
    from kombu import Connection

    from celery_app import app

    with Connection(broker) as connection, app.amqp.Producer(connection) as producer:
        for kwargs in messages:
            app.tasks[task].apply_async(kwargs=dict(kwargs), producer=producer)


def warm(broker: str, running: Worker, children: int, task: str, nothing: Mapping[str, Any]) -> None:
    """Have each child run a few messages that ask for nothing: connections, imports, compiled queries."""
    send(broker, task, [nothing] * (EACH * children))
    running.wait(lambda: (running.messages() or 0) >= EACH * children)
