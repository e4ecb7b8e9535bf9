"""Redis as kombu uses it: the kit's against a real server, and what follows for an app."""

from __future__ import annotations

from typing import Any

import pytest
from celery_rehearsal.broker import Tap
from celery_rehearsal.fake_redis import RedisBroker
from kombu import Connection

from .redis_stories import STORIES, Program, play
from .servers import contents, own_redis


@pytest.mark.services
@pytest.mark.parametrize("name", STORIES)
def test_a_program_sees_the_same_on_redis(name: str) -> None:
    """Order, priorities, restoration, fanout, sizes and keys: the same program on a real server and on the kit's."""
    with own_redis() as (url, client):
        on_redis = play(
            STORIES[name],
            Program(lambda options: Connection(url, transport_options=options), lambda: contents(client)),
        )
    broker = RedisBroker(Tap(lambda *_args: None), STORIES[name].options)

    def connect(options: dict[str, Any]) -> Connection:
        return Connection(transport=broker.transport, transport_options=options)

    assert play(STORIES[name], Program(connect, lambda: contents(broker.client))) == on_redis
