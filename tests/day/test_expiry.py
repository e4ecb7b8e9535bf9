"""Approve-all expires at the cutoff: Celery discards its messages, and the domain refuses them."""

from datetime import timedelta

import pytest
from celery_rehearsal import VirtualCelery

from refunds import outbox
from refunds.domain import sweeps as rules
from refunds.domain.returns import Status
from refunds.domain.sweeps import SweepState
from refunds.models import Refund, Sweep
from refunds.operations import sweeps

from ..factories import CUTOFF, DAY, MINUTE, NOON, PRESSED, make_requests
from .conftest import Start, on_both_transports, press, statuses

pytestmark = pytest.mark.django_db(transaction=True)
# Celery keeps times to the millisecond.
BLINK = timedelta(milliseconds=1)


def progress(celery: VirtualCelery, sweep: Sweep) -> tuple[SweepState, int, int]:
    """The state of the sweep now, and how many rows it has decided and left."""
    sweep.refresh_from_db()
    found = sweeps.progress(sweep, celery.now)
    return found.state, found.decided, found.left


def test_approval_a_millisecond_before_the_cutoff_counts(start: Start) -> None:
    """The button still approves; nothing of its set is left for the decline."""
    rows = make_requests(3)
    celery = start(CUTOFF - BLINK)
    sweep = press(celery)
    celery.advance(MINUTE)
    assert statuses() == {Status.APPROVED: rows}
    assert progress(celery, sweep) == (SweepState.DONE, 3, 0)


def test_press_at_the_cutoff_approves_what_is_received_from_then_on(start: Start) -> None:
    """At the cutoff the day is over: its requests are declined, and the press belongs to the next day."""
    yesterdays = make_requests(3, received_at=NOON)
    celery = start(CUTOFF)
    todays = make_requests(2, received_at=CUTOFF)
    sweep = press(celery)
    celery.advance(MINUTE)
    assert statuses() == {Status.DECLINED: yesterdays, Status.APPROVED: todays}
    assert sweep.expires_at == CUTOFF + DAY


@pytest.mark.parametrize(("late", "kind"), [(timedelta(0), "succeeded"), (BLINK, "expired")])
def test_approval_expires_when_its_worker_was_down_until_the_cutoff(start: Start, late: timedelta, kind: str) -> None:
    """At the cutoff Celery still runs the message and the domain refuses; a millisecond later Celery discards it.

    Either way the rows are declined, and the sweep counts the rows that it left.
    """
    rows = make_requests(3)
    celery = start(PRESSED, transport="fakeredis")  # RabbitMQ itself drops it
    celery.stop_worker()
    sweep = press(celery)
    celery.run_until(CUTOFF + late)
    celery.start_worker()
    celery.advance(5 * MINUTE)
    (plan,) = [record for record in celery.timeline.of("sent", outbox.PLAN_SWEEP) if record.by == "test"]
    assert [record.kind for record in celery.timeline.of(id=plan.id)][-1] == kind
    assert statuses() == {Status.DECLINED: rows}
    assert progress(celery, sweep) == (SweepState.EXPIRED, 0, 3)


@on_both_transports
@pytest.mark.parametrize("late", [timedelta(0), BLINK, 10 * MINUTE])
def test_worker_killed_half_way_leaves_the_rest_to_the_decline(
    start: Start, monkeypatch: pytest.MonkeyPatch, transport: str, late: timedelta
) -> None:
    """Of three chunks one is decided before the cutoff; the sweep has expired and counts the rows that it left."""
    monkeypatch.setattr(rules, "CHUNK_ROWS", 2)
    rows = make_requests(6)
    celery = start(PRESSED, transport=transport)
    decide, lives = sweeps.decide_chunk, iter([True])
    monkeypatch.setattr(sweeps, "decide_chunk", lambda *a: decide(*a) if next(lives, False) else celery.kill_worker())
    sweep = press(celery)
    celery.run_until(CUTOFF - BLINK)
    assert statuses() == {Status.APPROVED: rows[:2], Status.REQUESTED: rows[2:]}
    monkeypatch.setattr(sweeps, "decide_chunk", decide)
    celery.run_until(CUTOFF + late)
    celery.start_worker()
    celery.advance(5 * MINUTE)
    assert statuses() == {Status.APPROVED: rows[:2], Status.DECLINED: rows[2:]}
    assert Refund.objects.count() == 2
    assert progress(celery, sweep) == (SweepState.EXPIRED, 2, 4)
