""" "memory" follows the rules of RabbitMQ, or refuses."""

from __future__ import annotations

from typing import Any

import pytest
from celery_rehearsal.broker import Tap
from celery_rehearsal.clock import MICROSECONDS, VirtualClock
from celery_rehearsal.memory import MemoryBroker
from kombu import Connection

from .conftest import NOON
from .rabbit_stories import STORIES, play
from .servers import AMQP, check_rabbitmq


@pytest.mark.services
@pytest.mark.parametrize("name", STORIES)
def test_a_program_sees_the_same_on_rabbitmq(name: str) -> None:
    """Priorities, prefetch, what comes back, exchanges, queues: the same program on a real server and on the kit's."""
    check_rabbitmq()
    # Confirmed: a queue has a message before its sender goes on.
    on_rabbitmq = play(name, lambda: Connection(AMQP, transport_options={"confirm_publish": True}))
    broker = MemoryBroker(Tap(lambda *_args: None))
    clock = VirtualClock(NOON, seed=0, sleep=lambda _seconds: None)

    def connect() -> Any:
        return Connection(transport=broker.transport)

    clock.start()
    try:
        assert play(name, connect, lambda seconds: clock.forward(round(seconds * MICROSECONDS))) == on_rabbitmq
    finally:
        clock.stop()
