"""What a Redis knew besides the messages is not needed to send the next one."""

import redis
from kombu import Connection

from celery_app import app
from refunds.project.embedded.redis_server import RedisServer
from refunds.tasks import reconcile


def test_a_redis_that_was_flushed_still_gets_messages() -> None:
    """With an exchange bound to its queues the bindings would be gone, and each message lost without a word."""
    with RedisServer() as server, Connection(server.url(0)) as connection:
        producer = app.amqp.Producer(connection)
        with redis.Redis.from_url(server.url(0)) as client:
            for _ in range(2):
                client.flushall()
                reconcile.apply_async(producer=producer)
                assert client.llen("upkeep") == 1
