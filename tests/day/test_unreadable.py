"""In virtual time too, what a Redis worker cannot read is kept and reported, and the worker lives."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from celery_app import app
from refunds.worker.transport.dead_letters import NAME

from ..factories import NOON
from .conftest import Start

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)
BAD: dict[str, Any] = {"x": {"__type__": "nope", "__value__": 1}}


def test_header_that_kombu_cannot_read_ends_no_worker(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """The message of the issue is a dead letter with its reason, and the worker runs the next one."""
    celery = start(NOON, transport="fakeredis", beats=0)
    app.send_task("refunds.reconcile", headers=BAD, queue="upkeep")
    app.send_task("refunds.reconcile", queue="upkeep")
    with caplog.at_level(logging.ERROR, logger="refunds.worker.transport.dead_letters"):
        celery.advance(timedelta(0))
    assert len(celery.timeline.of("succeeded", "refunds.reconcile")) == 1
    assert "Unreadable: upkeep: ValueError: ('Unsupported type'" in caplog.text
    (entry,) = celery.broker.client.lrange(NAME, 0, -1)  # type: ignore[attr-defined]  # a Redis broker's
    assert b'"from": "upkeep"' in entry
    assert b'"__type__": "nope"' in entry


def test_unreadable_messages_are_one_mail_in_five_minutes(start: Start) -> None:
    """A flood is one mail, which says where the messages are."""
    celery = start(NOON, transport="fakeredis", beats=0)
    for _ in range(3):
        app.send_task("refunds.reconcile", headers=BAD, queue="upkeep")
        celery.advance(MINUTE)
    (letter,) = mail.outbox
    assert letter.subject.endswith("A message on the queue was refused")
    assert f"It is in the list {NAME}" in letter.body
    celery.advance(3 * MINUTE)
    app.send_task("refunds.reconcile", headers=BAD, queue="upkeep")
    celery.advance(timedelta(0))
    assert len(mail.outbox) == 2


def test_garbage_that_a_killed_worker_held_is_a_dead_letter(start: Start) -> None:
    """After the visibility timeout the next worker finds it, keeps it, and goes on."""
    celery = start(NOON, transport="fakeredis", beats=0)
    client = celery.broker.client  # type: ignore[attr-defined]  # a Redis broker's
    client.hset("unacked", "tag", b"garbage")
    client.zadd("unacked_index", {"tag": NOON.timestamp()})
    celery.advance(timedelta(hours=2))
    (entry,) = client.lrange(NAME, 0, -1)
    assert entry.endswith(b"\ngarbage")
    app.send_task("refunds.reconcile", queue="upkeep")
    celery.advance(timedelta(0))
    assert len(celery.timeline.of("succeeded", "refunds.reconcile")) == 1
