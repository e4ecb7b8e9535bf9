"""A worker on Redis: what it cannot read or acknowledge, and how it goes on."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from celery import current_app
from celery_rehearsal import VirtualCelery
from django.core import mail
from kombu.transport import virtual

from refunds.apps import LABEL
from refunds.worker.transport import unreadable
from refunds.worker.transport.on_redis import GuardedQoS
from refunds.worker.transport.unreadable import NAME

from ..factories import HOUR, MINUTE, NOON

pytestmark = pytest.mark.django_db(transaction=True)
RECONCILE = f"{LABEL}.reconcile"
BAD: dict[str, Any] = {"x": {"__type__": "nope", "__value__": 1}}


@pytest.fixture
def celery() -> Iterator[VirtualCelery]:
    """Yield a worker on Redis, without beat."""
    with VirtualCelery(current_app, start=NOON, transport="fakeredis", beats=0) as running:
        yield running


def send(**options: Any) -> None:
    """Send a message to the reconciler."""
    current_app.send_task(RECONCILE, queue="reconciling", **options)


def done(celery: VirtualCelery) -> int:
    """Return how many tasks have succeeded, without that of the worker's start."""
    return len(celery.timeline.of("succeeded", RECONCILE)) - 1


def test_header_that_kombu_cannot_read_ends_no_worker(celery: VirtualCelery, caplog: pytest.LogCaptureFixture) -> None:
    """Such a message is kept with its reason, and the worker runs the next one."""
    send(headers=BAD)
    send()
    with caplog.at_level(logging.ERROR, logger=unreadable.__name__):
        celery.advance(timedelta(0))
    assert done(celery) == 1
    assert "Unreadable: reconciling: ValueError: ('Unsupported type'" in caplog.text
    (entry,) = celery.broker.client.lrange(NAME, 0, -1)  # type: ignore[attr-defined]  # a Redis broker's
    assert b'"from": "reconciling"' in entry
    assert b'"__type__": "nope"' in entry


def test_unreadable_messages_are_one_mail_in_five_minutes(celery: VirtualCelery) -> None:
    """A flood of them is one mail, which says where the messages are."""
    for _ in range(3):
        send(headers=BAD)
        celery.advance(MINUTE)
    (letter,) = mail.outbox
    assert letter.subject.endswith("A message on the queue was refused")
    assert f"It is in the list {NAME}" in letter.body
    celery.advance(3 * MINUTE)
    send(headers=BAD)
    celery.advance(timedelta(0))
    assert len(mail.outbox) == 2


def test_garbage_that_a_killed_worker_held_is_kept(celery: VirtualCelery) -> None:
    """After the visibility timeout another worker moves it to the list, and goes on."""
    client = celery.broker.client  # type: ignore[attr-defined]  # a Redis broker's
    client.hset("unacked", "tag", b"garbage")
    client.zadd("unacked_index", {"tag": NOON.timestamp()})
    celery.advance(2 * HOUR)
    (entry,) = client.lrange(NAME, 0, -1)
    assert entry.endswith(b"\ngarbage")
    send()
    celery.advance(timedelta(0))
    assert done(celery) == 1


class Away(virtual.QoS):
    """kombu's count of what a worker holds, over a Redis that does not answer. As in kombu, it forgets first."""

    def ack(self, *_: Any, **__: Any) -> None:
        """Fail, as `reject` does."""
        raise redis.ConnectionError("Connection refused")

    reject = ack


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
