"""What goes wrong in a task is mailed to the admins."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import InvalidTaskError
from celery.signals import task_failure, task_rejected, task_revoked, task_unknown
from django.core import mail

from refunds import tasks


@pytest.mark.django_db
def test_a_failed_task_is_mailed_with_its_id_and_arguments() -> None:
    """The mail names task, id, arguments and error, with the traceback."""
    result = tasks.plan_sweep.apply(kwargs={"sweep_id": 404}, task_id="id-1")
    assert result.failed()
    (letter,) = mail.outbox
    assert letter.subject.endswith("Task refunds.plan_sweep failed: UnknownRow")
    for part in ("Task: refunds.plan_sweep", "Id: id-1", "{'sweep_id': 404}", "there is no sweep 404", "Traceback"):
        assert part in letter.body
    assert letter.to == ["admin@example.com"]


@pytest.mark.django_db
def test_many_failures_of_a_kind_are_one_mail() -> None:
    """A bug that meets every refund is mailed once a while; another kind of error is mailed beside it."""
    for _ in range(3):
        tasks.plan_sweep.apply(kwargs={"sweep_id": 404})
    tasks.plan_sweep.apply(kwargs={"sweep_id": "x"})
    tasks.decide_chunk.apply(kwargs={"chunk_id": 404})
    assert [letter.subject.partition("Task ")[2] for letter in mail.outbox] == [
        "refunds.plan_sweep failed: UnknownRow",
        "refunds.plan_sweep failed: BadArgument",
        "refunds.decide_chunk failed: UnknownRow",
    ]


def expire(expired: bool) -> None:
    request = SimpleNamespace(id="id-1", kwargs={"chunk_id": 7})
    task_revoked.send(sender=tasks.decide_chunk, request=request, terminated=False, signum=None, expired=expired)


def test_an_expired_task_is_logged_each_time_and_mailed_once_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """Hundreds of chunks of a expired sweep are one mail, and a line in the log each."""
    with caplog.at_level(logging.WARNING, logger="refunds.worker.failure_mail"):
        expire(expired=True)
        expire(expired=True)
    assert caplog.messages == ["task refunds.decide_chunk expired: id id-1, arguments {'chunk_id': 7}"] * 2
    (letter,) = mail.outbox
    assert letter.subject.endswith("Task refunds.decide_chunk expired")
    assert "{'chunk_id': 7}" in letter.body


def test_a_task_revoked_by_hand_is_not_reported() -> None:
    """Whoever revoked it knows."""
    expire(expired=False)
    assert mail.outbox == []


@pytest.mark.parametrize("signal", [task_rejected, task_unknown])
def test_refused_messages_are_one_mail_a_while(signal: Any) -> None:
    """Whoever floods the queue with rubbish fills no mail box; the log has each."""
    for reason in ("the header 'id' is None", "the body is 'x'"):
        signal.send(sender=None, message=None, exc=InvalidTaskError(reason))
    (letter,) = mail.outbox
    assert letter.subject.endswith("A message on the queue was refused")
    assert "InvalidTaskError(\"the header 'id' is None\")" in letter.body
    assert "docs/messages.md" in letter.body


def test_the_reports_are_connected() -> None:
    """Django's start connects all."""
    for signal, name in (
        (task_failure, "refunds.report_failure"),
        (task_revoked, "refunds.report_expiry"),
        (task_rejected, "refunds.report_refusal"),
        (task_unknown, "refunds.report_refusal"),
    ):
        assert any(name in str(key) for key, _ in signal.receivers)
