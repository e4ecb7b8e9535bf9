"""Failed and expired tasks, and refused messages, are mailed to the admins."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import InvalidTaskError
from celery.signals import task_failure, task_rejected, task_revoked, task_unknown
from django.core import mail

from refunds import tasks
from refunds.apps import LABEL
from refunds.worker import failure_mail

from ..conftest import ADMIN


@pytest.mark.django_db
def test_failures_of_a_kind_are_one_mail() -> None:
    """The mail names task, id, arguments and error, with the traceback.

    A bug that fails every refund is one mail in five minutes; another kind of error is another mail.
    """
    for number in range(3):
        assert tasks.plan_sweep.apply(kwargs={"sweep_id": 404}, task_id=f"id-{number}").failed()
    tasks.plan_sweep.apply(kwargs={"sweep_id": "x"})
    tasks.decide_chunk.apply(kwargs={"chunk_id": 404})
    letter, *_ = mail.outbox
    assert [letter.subject.partition("Task ")[2] for letter in mail.outbox] == [
        f"{LABEL}.plan_sweep failed: UnknownRow",
        f"{LABEL}.plan_sweep failed: BadArgument",
        f"{LABEL}.decide_chunk failed: UnknownRow",
    ]
    for part in (f"Task: {LABEL}.plan_sweep", "Id: id-0", "{'sweep_id': 404}", "there is no sweep 404", "Traceback"):
        assert part in letter.body
    assert letter.to == [ADMIN]


def test_expired_tasks_are_each_logged_and_one_mail(caplog: pytest.LogCaptureFixture) -> None:
    """Hundreds of expired chunks are one mail, and one line of the log each. One revoked by hand is not reported."""
    request = SimpleNamespace(id="id-1", kwargs={"chunk_id": 7})
    for expired in (False, True, True):
        task_revoked.send(sender=tasks.decide_chunk, request=request, terminated=False, signum=None, expired=expired)
        assert len(mail.outbox) == expired
    assert caplog.messages == [f"task {LABEL}.decide_chunk expired: id id-1, arguments {{'chunk_id': 7}}"] * 2
    (letter,) = mail.outbox
    assert letter.subject.endswith(f"Task {LABEL}.decide_chunk expired")
    assert "{'chunk_id': 7}" in letter.body


@pytest.mark.parametrize("signal", [task_rejected, task_unknown])
def test_refused_messages_are_one_mail(signal: Any) -> None:
    """A flood of rubbish on the queue does not fill a mail box; the log has each message."""
    for reason in ("the header 'id' is None", "the body is 'x'"):
        signal.send(sender=None, message=None, exc=InvalidTaskError(reason))
    (letter,) = mail.outbox
    assert letter.subject.endswith("A message on the queue was refused")
    assert "InvalidTaskError(\"the header 'id' is None\")" in letter.body
    assert "the reconciler sends again what the rows need" in letter.body


def test_reports_are_connected() -> None:
    """Django's start connects each report to its signal."""
    reports = {task_failure: "failure", task_revoked: "expiry", task_rejected: "refusal", task_unknown: "refusal"}
    for signal, name in reports.items():
        assert any(key[0] == f"{failure_mail.__name__}.report_{name}" for key, _ in signal.receivers)
