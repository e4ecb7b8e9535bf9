"""Sending needs nothing that a flushed Redis has lost."""

import redis
from kombu import Connection

from celery_app import app
from refunds.project.embedded.redis_server import RedisServer
from refunds.tasks import reconcile


def test_flushed_redis_still_gets_messages() -> None:
    """With a topic exchange, the bindings would be gone, and each message silently lost."""
    with RedisServer() as server, Connection(server.url(0)) as connection:
        producer = app.amqp.Producer(connection)
        with redis.Redis.from_url(server.url(0)) as client:
            for _ in range(2):
                client.flushall()
                reconcile.apply_async(producer=producer)
                assert client.llen("reconciling") == 1
