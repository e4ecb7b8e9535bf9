"""A Redis that is away while tasks end takes no place of a worker for good."""

from types import SimpleNamespace
from typing import Any

import pytest
import redis
from kombu.transport import virtual

from refunds.worker.transport.on_redis import GuardedQoS


class Away(virtual.QoS):
    """kombu's count of what a worker holds, over a Redis that does not answer."""

    def ack(self, delivery_tag: str) -> None:
        """As kombu's: the message is forgotten in Redis first, and then here."""
        raise redis.ConnectionError("Connection refused")

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """The same."""
        raise redis.ConnectionError("Connection refused")


class Guarded(GuardedQoS, Away):
    """As a worker has it."""


@pytest.mark.parametrize("answer", ["ack", "reject"])
def test_a_message_that_cannot_be_acknowledged_gives_its_place_back(answer: str) -> None:
    """The error still comes out, and the worker can read on: only so does it notice that its connection is lost."""
    channel: Any = SimpleNamespace(connection_errors=(redis.ConnectionError,), do_restore=False)
    qos = Guarded(channel, prefetch_count=1)
    qos.append(SimpleNamespace(), "tag")
    assert not qos.can_consume()
    with pytest.raises(redis.ConnectionError):
        getattr(qos, answer)("tag")
    assert qos.can_consume()
