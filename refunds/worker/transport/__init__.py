"""Guard kombu's transports where they read from the broker, so that no message ends a worker.

kombu reads a message before the worker's consumer gets it: on Redis by JSON with hooks for dates and UUIDs, on RabbitMQ
by a recursive parser of header tables. An error there ends the worker.
"""

from typing import Any

from kombu.transport import pyamqp
from kombu.transport import redis as kombu_redis

from . import on_rabbitmq, on_redis


def guarded(transport: type[Any]) -> type[Any]:
    """Return a subclass of a kombu transport class that survives unreadable messages.

    Return any other transport unchanged: no other process can write into kombu's memory transport.
    """
    if issubclass(transport, kombu_redis.Transport):
        return on_redis.guarded(transport)
    if issubclass(transport, pyamqp.Transport):
        return on_rabbitmq.guarded(transport)
    return transport
