"""The reconciler and the health check find, from the rows, work that has no message."""

import logging
from datetime import datetime, timedelta
from unittest.mock import Mock

import pytest
from django.core.exceptions import ImproperlyConfigured
from kombu.exceptions import OperationalError
from kombu.transport import memory, virtual

from refunds import outbox
from refunds.apps import LABEL
from refunds.domain import cutoff
from refunds.domain.returns import Decision
from refunds.domain.sweeps import CHUNK_ROWS, Frozen, IdRange
from refunds.gateways import Gateway
from refunds.gateways.wallet import Wallet
from refunds.models import Chunk, ReturnRequest, Sweep
from refunds.operations import PATIENCE, bulk_payments, button, health, reconcile, sweeps
from refunds.operations.decisions import decide_chosen

from ..factories import BLINK, CUTOFF, DAY, HOUR, NOON, PRESSED, SECOND, local, make_refund, make_requests
from .conftest import Limit
from .payers import Paced, Scripted

pytestmark = pytest.mark.django_db
Sent = list[tuple[str, list[dict[str, int]], datetime | None]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Collect the messages that would be published, as (task, messages, expires), without a broker."""
    messages: Sent = []

    def on_commit(name: str, kwargs: list[dict[str, int]], *, expires: datetime | None = None, **_: object) -> None:
        if kwargs:
            messages.append((name, list(kwargs), expires))

    monkeypatch.setattr(outbox, "on_commit", on_commit)
    return messages


def approve(rows: list[ReturnRequest], now: datetime = PRESSED) -> Sweep:
    sweep, _ = button.start_approve(key="k", frozen=Frozen(rows[-1].pk), by=None, now=now)
    return sweep


def test_nothing_to_do_on_an_empty_database(sent: Sent) -> None:
    """A fresh system has missed no cutoff and sends nothing."""
    assert set(reconcile.reconcile(NOON, gateway=Wallet()).values()) == {0}
    assert sent == []
    assert health.health(NOON) == []


def test_missed_cutoff_is_declined_once(sent: Sent) -> None:
    """When beat was down over the cutoff, the next run starts the day's decline; the run after it finds it started."""
    make_requests()
    runs = (CUTOFF - BLINK, CUTOFF + 3 * HOUR, CUTOFF + 3 * HOUR)
    assert [reconcile.reconcile(now, gateway=Wallet())["cutoffs"] for now in runs] == [0, 1, 0]
    sweep = Sweep.objects.get()
    assert (sweep.kind, sweep.scheduled_for, sweep.received_before) == (Decision.DECLINE, CUTOFF, CUTOFF)
    assert sent == [(outbox.PLAN_SWEEP, [{"sweep_id": sweep.pk}], None)]


def test_cutoff_before_the_first_request_is_not_missed(sent: Sent) -> None:
    """A system that was first used after a cutoff has nothing to decline at it, whatever the dates of its requests."""
    make_requests(received_at=CUTOFF, requested_at=CUTOFF - 5000 * DAY)
    assert reconcile.missed_cutoff(CUTOFF + HOUR) is None
    assert reconcile.reconcile(CUTOFF + HOUR, gateway=Wallet())["cutoffs"] == 0


def test_lost_plan_is_sent_again(sent: Sent) -> None:
    """A plan is sent again once per patience, with its expiry."""
    sweep = approve(make_requests(), NOON)
    expected = (outbox.PLAN_SWEEP, [{"sweep_id": sweep.pk}], cutoff.upcoming(NOON))
    assert sent == [expected]
    for wait, times in ((-BLINK, 1), (timedelta(0), 2), (30 * SECOND, 2)):
        reconcile.reconcile(NOON + PATIENCE + wait, gateway=Wallet())
        assert sent == [expected] * times


def test_lost_chunks_are_sent_again(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two chunks, only the open one is sent again."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 1)
    sweep = approve(make_requests(2), NOON)
    sweeps.plan_sweep(sweep.pk, NOON)
    first, second = Chunk.objects.order_by("first_id")
    sweeps.decide_chunk(first.pk, NOON)
    sent.clear()
    assert reconcile.reconcile(NOON + PATIENCE, gateway=Scripted())["chunks"] == 1
    assert (outbox.DECIDE_CHUNK, [{"chunk_id": second.pk}], sweep.expires_at) in sent


def test_nothing_is_sent_again_for_an_expired_sweep(sent: Sent) -> None:
    """An expired approval is closed with the number of rows that it left, and no longer planned or decided."""
    sweep = approve(make_requests(3), NOON)
    sent.clear()
    assert reconcile.reconcile(CUTOFF, gateway=Wallet())["closed"] == 1
    sweep.refresh_from_db()
    assert (sweep.closed_at, sweep.left) == (CUTOFF, 3)
    assert [name for name, *_ in sent] == [outbox.PLAN_SWEEP]
    assert Sweep.objects.get(kind=Decision.DECLINE).pk == sent[0][1][0]["sweep_id"]


@pytest.mark.parametrize(("gateway", "name"), [(Wallet(), outbox.PAY_REFUNDS), (Scripted(), outbox.PAY_REFUND)])
def test_unpaid_refunds_are_sent_again(sent: Sent, gateway: Gateway, name: str) -> None:
    """Pending refunds without a message are sent again: as one range to a gateway that can, otherwise one by one."""
    ids = [row.pk for row in make_requests(2)]
    decide_chosen(ids, Decision.APPROVE, by=None, note="", now=NOON)
    range_of = [{"first_id": ids[0], "last_id": ids[1]}]
    assert sent == [(outbox.PAY_REFUNDS, range_of, None)]
    sent.clear()
    for wait, count in ((-2 * BLINK, 0), (timedelta(0), 2), (30 * SECOND, 0)):
        assert reconcile.reconcile(NOON + PATIENCE + wait, gateway=gateway)["refunds"] == count
    each = [{"refund_id": pk} for pk in ids]
    assert sent == [(name, each if name == outbox.PAY_REFUND else range_of, None)]


def test_lost_ranges_far_apart_have_a_message_each(sent: Sent) -> None:
    """One message for both would pay everything that is due between them, in one transaction."""
    ids = [make_refund(id=number * CHUNK_ROWS, dispatched_at=NOON).pk for number in (1000, 2000)]
    assert reconcile.reconcile(NOON + PATIENCE, gateway=Wallet())["refunds"] == 2
    assert sent == [(outbox.PAY_REFUNDS, [{"first_id": pk, "last_id": pk} for pk in ids], None)]


def test_health_has_one_line_for_each_overdue_item(sent: Sent) -> None:
    """A missed cutoff, a stalled sweep and unpaid refunds have one line each, from when they are overdue."""
    rows = make_requests(3)
    decide_chosen([rows[0].pk], Decision.APPROVE, by=None, note="", now=NOON)
    sweep = approve(rows, NOON)
    assert health.health(NOON + health.STALLED_AFTER - BLINK) == []
    (stalled,) = health.health(NOON + health.STALLED_AFTER)
    since = f"{local(NOON)} {NOON.astimezone(cutoff.ZONE):%Z}"
    assert stalled == (f"stalled sweep: approve sweep {sweep.pk} has not moved since {since}, 2 left; start a worker")
    unpaid = f"unpaid refunds: 1 overdue, refund {rows[0].pk} since {since}; start a worker on the queues"
    assert [line.startswith(unpaid) for line in health.health(NOON + health.UNPAID_AFTER)] == [False, True]
    lines = health.health(CUTOFF + health.STALLED_AFTER)
    assert [line.split(":")[0] for line in lines] == ["missed cutoff", "unpaid refunds"]
    assert f"nothing was declined at {local(CUTOFF)}" in lines[0]


def test_health_counts_so_many_rows(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line says when there are more."""
    monkeypatch.setattr(health, "COUNTED", 2)
    rows = make_requests(6)
    decide_chosen([row.pk for row in rows[:3]], Decision.APPROVE, by=None, note="", now=NOON)
    approve(rows, NOON)
    stalled, unpaid = health.health(NOON + health.UNPAID_AFTER)
    assert ("more than 2 left" in stalled, "more than 2 overdue" in unpaid) == (True, True)


def test_message_in_the_queue_is_not_sent_again(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three refunds with two messages in the queue, the one that has waited longest gets a message."""
    ids = [make_refund(dispatched_at=NOON + n * BLINK).pk for n in (3, 1, 2)]
    for ready, expected in ((3, []), (4, []), (2, [ids[1]])):
        monkeypatch.setattr(outbox, "queued", lambda *_names, ready=ready: ready)
        assert reconcile.reconcile(NOON + 2 * PATIENCE, gateway=Scripted())["refunds"] == len(expected)
        assert sent == [(outbox.PAY_REFUND, [{"refund_id": pk}], None) for pk in expected]


def test_refunds_of_a_range_have_one_message(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message in the queue can be the range's: nothing is lost. With an empty queue each refund gets its own."""
    ids = [row.pk for row in make_requests(3, status="approved")]
    monkeypatch.setattr(outbox, "queued", lambda *_names: 1)
    assert reconcile.reconcile(NOON + PATIENCE, gateway=Scripted())["refunds"] == 0
    monkeypatch.setattr(outbox, "queued", lambda *_names: 0)
    assert reconcile.reconcile(NOON + PATIENCE, gateway=Scripted())["refunds"] == 3
    # The range's message was only late: it finds nothing to send.
    assert bulk_payments.pay_refunds(IdRange(ids[0], ids[-1]), NOON + PATIENCE, gateway=Scripted()) == 0
    assert sent == [(outbox.PAY_REFUND, [{"refund_id": pk} for pk in ids], None)]


def test_plans_and_chunks_get_the_messages_that_their_queue_lacks(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """With three messages for a plan and four chunks, the plan and the oldest chunk get a message."""
    sweep = approve(make_requests(4), NOON)
    Chunk.objects.bulk_create(
        Chunk(sweep=sweep, first_id=n, last_id=n, dispatched_at=NOON - n * BLINK) for n in range(1, 5)
    )
    sent.clear()
    monkeypatch.setattr(outbox, "queued", lambda *_names: 3)
    done = reconcile.reconcile(NOON + PATIENCE, gateway=Wallet())
    assert (done["plans"], done["chunks"]) == (1, 1)
    assert [(name, messages) for name, messages, _ in sent] == [
        (outbox.PLAN_SWEEP, [{"sweep_id": sweep.pk}]),
        (outbox.DECIDE_CHUNK, [{"chunk_id": Chunk.objects.get(first_id=4).pk}]),
    ]


def test_queue_gets_no_more_refunds_than_the_provider_takes(
    sent: Sent, monkeypatch: pytest.MonkeyPatch, limit: Limit
) -> None:
    """At one a second, a run fills the queue up to 30 messages, also with refunds that never had one."""
    limit(Paced(1))
    for n in range(40):
        make_refund(dispatched_at=None if n % 2 else NOON)
    for ready, count in ((30, 0), (25, 5)):
        monkeypatch.setattr(outbox, "queued", lambda *_names, ready=ready: ready)
        assert reconcile.reconcile(NOON + PATIENCE, gateway=Scripted())["refunds"] == count


def test_start_after_a_crash_sends_again_at_once(sent: Sent) -> None:
    """Without patience and with an empty queue, a message that was just sent counts as lost."""
    refund = make_refund(dispatched_at=NOON)
    assert reconcile.reconcile(NOON, gateway=Scripted())["refunds"] == 0
    assert reconcile.reconcile(NOON, gateway=Scripted(), patience=timedelta(0))["refunds"] == 1
    assert sent == [(outbox.PAY_REFUND, [{"refund_id": refund.pk}], None)]


def test_broker_that_does_not_answer_stops_nothing_else(
    sent: Sent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is sent or marked as sent, the log says so, and the missed decline is started."""
    monkeypatch.setattr(outbox, "queued", Mock(side_effect=OperationalError("connection refused")))
    refund = make_refund(dispatched_at=NOON)
    make_requests()
    with caplog.at_level(logging.ERROR, logger=LABEL):
        assert reconcile.reconcile(CUTOFF, gateway=Scripted()) == {"closed": 0, "cutoffs": 1, "plans": 0, "chunks": 0}
    assert caplog.messages == ["the broker does not answer: nothing more is sent again until the next run"]
    assert [name for name, *_ in sent] == [outbox.PLAN_SWEEP]
    refund.refresh_from_db()
    assert refund.dispatched_at == NOON


def test_transport_that_does_not_count_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """kombu would report empty queues, and everything would be sent again each minute."""
    monkeypatch.setattr(memory.Channel, "_size", virtual.Channel._size)
    make_refund(dispatched_at=NOON)
    with pytest.raises(ImproperlyConfigured, match="the transport 'memory' does not count the messages of a queue"):
        reconcile.reconcile(NOON + PATIENCE, gateway=Scripted())
