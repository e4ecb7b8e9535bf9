"""A worker gets its places back where Redis is away while tasks end."""

from types import SimpleNamespace
from typing import Any

import pytest
import redis
from kombu.transport import virtual

from refunds.worker.transport.on_redis import GuardedQoS


class Away(virtual.QoS):
    """kombu's count of what a worker holds, over a Redis that does not answer."""

    def ack(self, delivery_tag: str) -> None:
        """As in kombu, Redis forgets the message first."""
        raise redis.ConnectionError("Connection refused")

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """As above."""
        raise redis.ConnectionError("Connection refused")


class Guarded(GuardedQoS, Away):
    """The QoS of a guarded worker."""


@pytest.mark.parametrize("answer", ["ack", "reject"])
def test_message_that_cannot_be_acknowledged_frees_its_place(answer: str) -> None:
    """The error is still raised, and the worker can read on, which is how it notices that its connection is lost."""
    channel: Any = SimpleNamespace(connection_errors=(redis.ConnectionError,), do_restore=False)
    qos = Guarded(channel, prefetch_count=1)
    qos.append(SimpleNamespace(), "tag")
    assert not qos.can_consume()
    with pytest.raises(redis.ConnectionError):
        getattr(qos, answer)("tag")
    assert qos.can_consume()
