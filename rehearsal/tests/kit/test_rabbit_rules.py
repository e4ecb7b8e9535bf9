""" "memory" follows the rules of RabbitMQ, or refuses."""

from __future__ import annotations

from typing import Any

import pytest
from celery_rehearsal.broker import Tap
from celery_rehearsal.memory import MemoryBroker
from kombu import Connection

from .rabbit_stories import STORIES, play
from .servers import AMQP, check_rabbitmq


@pytest.mark.services
@pytest.mark.parametrize("name", STORIES)
def test_a_program_sees_the_same_on_rabbitmq(name: str) -> None:
    """Priorities, prefetch, what comes back, exchanges, queues: the same program on a real server and on the kit's."""
    check_rabbitmq()
    on_rabbitmq = play(name, lambda: Connection(AMQP))
    broker = MemoryBroker(Tap(lambda *_args: None))

    def connect() -> Any:
        return Connection(transport=broker.transport)

    assert play(name, connect) == on_rabbitmq
