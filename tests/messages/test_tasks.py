"""The tasks as thin translations, called directly; tests/day proves what they do over time."""

import subprocess
import sys
from typing import Any

import pytest
from kombu.exceptions import EncodeError

from refunds import outbox, tasks
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision, Status
from refunds.errors import BadArgument, UnknownRow
from refunds.gateways import Answer, Order, Refused, TryAgain
from refunds.models import Refund, ReturnRequest, Sweep

from ..factories import MINUTE, make_refund, make_requests
from .conftest import app, drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published")]
WITH_ID = [
    (tasks.plan_sweep, "sweep_id", "sweep"),
    (tasks.decide_chunk, "chunk_id", "chunk"),
    (tasks.pay_refund, "refund_id", "refund"),
]


class Says:
    """A gateway that always answers the same."""

    def __init__(self, answer: Exception) -> None:
        self.answer = answer

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        raise self.answer


@pytest.mark.parametrize(("task", "argument", "kind"), WITH_ID)
def test_unknown_id_fails_and_is_named(task: Any, argument: str, kind: str) -> None:
    """A task about a row that does not exist fails with the row's kind and id."""
    with pytest.raises(UnknownRow, match=f"there is no {kind} 404; nothing was changed"):
        task(**{argument: 404})


@pytest.mark.parametrize("value", ["1", 0, -1, 2**63, 1.0, True, None, [1], {"a": 1}])
@pytest.mark.parametrize(("task", "argument", "kind"), WITH_ID)
def test_argument_of_the_wrong_shape_is_refused(task: Any, argument: str, kind: str, value: object) -> None:
    """Only a positive integer is an id."""
    make_requests()
    with pytest.raises(BadArgument, match=f"{argument} must be a positive integer"):
        task(**{argument: value})
    assert ReturnRequest.objects.get().status == Status.REQUESTED


@pytest.mark.parametrize(("task", "argument", "kind"), WITH_ID)
def test_arguments_come_by_keyword(task: Any, argument: str, kind: str) -> None:
    """The sender refuses a positional argument."""
    with pytest.raises(TypeError):
        task.delay(1)
    assert drain() == []


def test_keyword_of_a_newer_release_is_ignored() -> None:
    """During a deploy an older worker does the work of a newer producer."""
    tasks.decline_pending(priority="high")
    assert Sweep.objects.get().kind == Decision.DECLINE


def test_only_json_can_be_sent() -> None:
    """The sender refuses what JSON cannot represent."""
    with pytest.raises(EncodeError):
        tasks.decide_chunk.delay(chunk_id=object())
    assert app.conf.accept_content == app.conf.result_accept_content == ["json"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [(TryAgain("429", after=5 * MINUTE), RefundStatus.PENDING), (Refused("card closed"), RefundStatus.FAILED)],
)
def test_answer_of_the_provider_is_an_outcome_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, answer: Exception, status: RefundStatus
) -> None:
    """The task succeeds and sends nothing: a wait longer than a minute is a due time on the row, a refusal its end."""
    monkeypatch.setattr(tasks, "gateway", lambda: Says(answer))
    tasks.pay_refund(refund_id=make_refund().pk)
    assert drain() == []
    assert Refund.objects.get().status == status


def test_process_that_only_sends_knows_the_tasks() -> None:
    """The web process, where Celery's autodiscovery does not run, can send every task."""
    code = "import django; django.setup(); from celery import current_app; "
    code += f"print({outbox.PLAN_SWEEP!r} in current_app.tasks)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
