"""The tasks as thin translations, in the eager lane; what they do over time is proven in virtual time."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from kombu.exceptions import EncodeError

from celery_app import app
from refunds import tasks
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision, Status
from refunds.errors import BadArgument, UnknownRow
from refunds.gateways import Answer, Order, Refused, TryAgain
from refunds.models import Refund, ReturnRequest, Sweep
from refunds.operations.decisions import decide_chosen

from ..factories import NOON, make_processing, make_requests
from .conftest import drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published")]
WITH_ID = [
    (tasks.plan_sweep, "sweep_id", "sweep"),
    (tasks.decide_chunk, "chunk_id", "chunk"),
    (tasks.pay_refund, "refund_id", "refund"),
    (tasks.notify_customer, "refund_id", "refund"),
]


class Says:
    """A gateway that always answers the same."""

    def __init__(self, answer: Exception) -> None:
        self.answer = answer

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        raise self.answer


@pytest.fixture
def refund() -> Refund:
    """One pending refund, due since a noon long past."""
    (request,) = make_requests(customer_email="c@example.com")
    decide_chosen([request.pk], Decision.APPROVE, by=None, note="", now=NOON)
    drain()
    return Refund.objects.get()


@pytest.mark.parametrize(("task", "argument", "kind"), WITH_ID)
def test_an_unknown_id_fails_and_is_named(task: Any, argument: str, kind: str) -> None:
    """A task about a row that is not there fails with the row's kind and id."""
    with pytest.raises(UnknownRow, match=f"there is no {kind} 404; nothing was changed"):
        task(**{argument: 404})


@pytest.mark.parametrize("value", ["1", 0, -1, 2**63, 1.0, True, None, [1], {"a": 1}])
@pytest.mark.parametrize(("task", "argument", "kind"), WITH_ID)
def test_an_argument_of_the_wrong_shape_is_refused(task: Any, argument: str, kind: str, value: object) -> None:
    """Only a positive integer is an id."""
    make_requests()
    with pytest.raises(BadArgument, match=f"{argument} must be a positive integer"):
        task(**{argument: value})
    assert ReturnRequest.objects.get().status == Status.REQUESTED


@pytest.mark.parametrize(("task", "argument", "kind"), WITH_ID)
def test_arguments_come_by_keyword(task: Any, argument: str, kind: str) -> None:
    """A positional argument is refused where it is sent."""
    with pytest.raises(TypeError):
        task.delay(1)
    assert drain() == []


def test_a_newer_producers_keyword_is_passed_over() -> None:
    """During a deploy an older worker does a newer producer's work."""
    tasks.decline_pending(priority="high")
    assert Sweep.objects.get().kind == Decision.DECLINE


def test_only_json_can_be_sent() -> None:
    """What JSON cannot say fails at the sender."""
    with pytest.raises(EncodeError):
        tasks.decide_chunk.delay(chunk_id=object())
    assert app.conf.accept_content == app.conf.result_accept_content == ["json"]


def test_a_long_wait_sends_no_message(refund: Refund, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait longer than a minute is a due time on the row."""
    monkeypatch.setattr(tasks, "gateway", lambda: Says(TryAgain("429", after=timedelta(minutes=5))))
    tasks.pay_refund(refund_id=refund.pk)
    assert drain() == []
    assert Refund.objects.get().status == RefundStatus.PENDING


def test_a_refusal_is_an_outcome_not_a_failure(refund: Refund, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused refund ends the task in success, fails the refund, and tells the customer."""
    monkeypatch.setattr(tasks, "gateway", lambda: Says(Refused("card closed")))
    tasks.pay_refund(refund_id=refund.pk)
    assert Refund.objects.get().status == RefundStatus.FAILED
    assert [message["kwargs"] for message in drain()] == [{"refund_id": refund.pk}]


def test_a_customer_is_told_once(refund: Refund) -> None:
    """Paid, the customer gets one mail, however often the message comes."""
    tasks.notify_customer(refund_id=refund.pk)
    assert mail.outbox == []
    tasks.pay_refund(refund_id=refund.pk)
    assert [message["task"] for message in drain()] == ["refunds.notify_customer"]
    for _ in range(2):
        tasks.notify_customer(refund_id=refund.pk)
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["c@example.com"], "Your refund of 12.50 GBP")
    assert f"Receipt: wallet:{refund.pk}." in letter.body


def test_customers_are_told_by_one_message(refund: Refund) -> None:
    """With the id of the last, the message is about all refunds from the first to it."""
    tasks.pay_refund(refund_id=refund.pk)
    tasks.notify_customer(refund_id=1, last_id=refund.pk)
    assert [letter.to for letter in mail.outbox] == [["c@example.com"]]
    with pytest.raises(BadArgument, match="last_id must be a positive integer"):
        tasks.notify_customer(refund_id=1, last_id=0)


def test_the_digest_says_how_the_day_stands(refund: Refund) -> None:
    """The admins read what waits, what is to be paid, what is under way and what failed."""
    make_processing()
    tasks.send_digest()
    (letter,) = mail.outbox
    assert letter.subject.endswith("Returns: 0 pending")
    assert "nothing waiting" in letter.body
    assert "1 refunds to be paid, 1 under way at the payment provider, 0 failed" in letter.body


def test_a_process_that_only_sends_knows_the_tasks() -> None:
    """The web process, where Celery's autodiscovery does not run, can send every task."""
    code = "import celery_app, django; django.setup(); print('refunds.plan_sweep' in celery_app.app.tasks)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
