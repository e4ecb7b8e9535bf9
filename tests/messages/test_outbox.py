"""Messages are published once their rows are committed, each to its queue, as JSON."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError

from refunds import outbox
from refunds.apps import LABEL
from refunds.domain.returns import Decision
from refunds.domain.sweeps import Frozen
from refunds.models import Sweep
from refunds.operations import button, sweeps
from refunds.operations.decisions import decide_chosen

from ..factories import CUTOFF, PRESSED, make_requests
from .conftest import app, drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published")]


def start() -> tuple[Sweep, bool]:
    """Press the button over one request."""
    rows = make_requests()
    return button.start_approve(key="k", frozen=Frozen(rows[-1].pk), by=None, now=PRESSED)


@pytest.mark.parametrize(
    ("begin", "expires"), [(start, CUTOFF.isoformat()), (lambda: sweeps.decline_pending(CUTOFF), None)]
)
def test_started_sweep_sends_its_plan_with_its_expiry(
    begin: Callable[[], tuple[Sweep, bool]], expires: str | None
) -> None:
    """One message to the decisions queue: an approval's expires at the cutoff, a decline's never."""
    sweep, _ = begin()
    (message,) = drain()
    assert (message["task"], message["queue"]) == (outbox.PLAN_SWEEP, "decisions")
    assert message["kwargs"] == {"sweep_id": sweep.pk}
    assert (message["headers"]["expires"], message["headers"]["ignore_result"]) == (expires, True)


def test_nothing_is_sent_before_the_commit_nor_after_a_rollback() -> None:
    """A transaction that fails leaves neither row nor message."""
    with transaction.atomic():
        start()
        assert drain() == []
        transaction.set_rollback(True)
    assert drain() == []
    assert not Sweep.objects.exists()


@pytest.mark.parametrize("decision", Decision)
def test_approved_rows_send_one_message_to_pay_them(decision: Decision) -> None:
    """Chosen rows are paid by one message for their range, on the payments queue; declined rows send nothing."""
    ids = [row.pk for row in make_requests(3)]
    decide_chosen(ids, decision, by=None, note="", now=PRESSED)
    sent = [(message["task"], message["queue"], message["kwargs"]) for message in drain()]
    pays = (outbox.PAY_REFUNDS, "payments", {"first_id": ids[0], "last_id": ids[-1]})
    assert sent == ([pays] if decision is Decision.APPROVE else [])


def test_row_is_kept_when_the_broker_is_down(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The sweep is started although its message cannot be sent, and the log has what was not sent."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(app.tasks[outbox.PLAN_SWEEP], "apply_async", refuse)
    with caplog.at_level(logging.ERROR, logger=outbox.logger.name):
        started = start()
    assert started == (Sweep.objects.get(), True)
    assert caplog.messages == [
        f"{outbox.PLAN_SWEEP}: sent 0 of 1 messages (connection refused); the reconciler sends the rest"
    ]


def test_every_task_has_its_queue() -> None:
    """Each task of the app is routed to a declared queue by name, none by default."""
    ours = {name for name in app.tasks if name.startswith(f"{LABEL}.")}
    assert ours == set(app.conf.task_routes)
    assert {route["queue"] for route in app.conf.task_routes.values()} == set(app.amqp.queues)


def test_every_queue_has_a_routing_key_of_its_own() -> None:
    """A message for one queue reaches no other, also where it is routed by the exchange."""
    assert {queue.routing_key for queue in app.amqp.queues.values()} == set(app.amqp.queues)


def test_mistyped_queue_is_refused() -> None:
    """A message to a queue that no worker reads is an error at the sender."""
    with pytest.raises(Exception, match="paymentz"):
        app.tasks[outbox.PAY_REFUND].apply_async(kwargs={"refund_id": 1}, queue="paymentz")
