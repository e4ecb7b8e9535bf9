"""Approve-all expires at the cutoff: Celery discards its messages, and the domain refuses them."""

from datetime import timedelta

import pytest

from refunds import outbox
from refunds.domain import sweeps as rules
from refunds.domain.returns import Status
from refunds.domain.sweeps import SweepState
from refunds.models import Refund, ReturnRequest
from refunds.operations import sweeps

from ..factories import CUTOFF, DAY, MINUTE, NOON, PRESSED, make_requests
from .conftest import Start, press

pytestmark = pytest.mark.django_db(transaction=True)
# Celery keeps times to the millisecond.
BLINK = timedelta(milliseconds=1)


def test_approval_a_millisecond_before_the_cutoff_counts(start: Start) -> None:
    """The button still approves; nothing of its set is left for the decline."""
    make_requests(3)
    celery = start(CUTOFF - BLINK)
    sweep = press(celery)
    celery.advance(MINUTE)
    assert set(ReturnRequest.objects.values_list("status", flat=True)) == {Status.APPROVED}
    sweep.refresh_from_db()
    assert sweeps.progress(sweep, celery.now).state is SweepState.DONE


def test_press_at_the_cutoff_approves_what_is_received_from_then_on(start: Start) -> None:
    """At the cutoff the day is over: its requests are declined, and the press belongs to the next day."""
    yesterdays = make_requests(3, received_at=NOON)
    celery = start(CUTOFF)
    todays = make_requests(2, received_at=CUTOFF)
    sweep = press(celery)
    celery.advance(MINUTE)
    assert {row.pk: row.status for row in ReturnRequest.objects.all()} == (
        dict.fromkeys((row.pk for row in yesterdays), Status.DECLINED)
        | dict.fromkeys((row.pk for row in todays), Status.APPROVED)
    )
    assert sweep.expires_at == CUTOFF + DAY


@pytest.mark.parametrize(("late", "kind"), [(timedelta(0), "succeeded"), (BLINK, "expired")])
def test_approval_expires_when_its_worker_was_down_until_the_cutoff(start: Start, late: timedelta, kind: str) -> None:
    """At the cutoff Celery still runs the message and the domain refuses; a millisecond later Celery discards it.

    Either way the rows are declined, and the sweep counts the rows that it left.
    """
    make_requests(3)
    celery = start(PRESSED)
    celery.stop_worker()
    sweep = press(celery)
    celery.run_until(CUTOFF + late)
    celery.start_worker()
    celery.advance(5 * MINUTE)
    (plan,) = [record for record in celery.timeline.of("sent", outbox.PLAN_SWEEP) if record.by == "test"]
    assert [record.kind for record in celery.timeline.of(id=plan.id)][-1] == kind
    assert set(ReturnRequest.objects.values_list("status", flat=True)) == {Status.DECLINED}
    sweep.refresh_from_db()
    progress = sweeps.progress(sweep, celery.now)
    assert (progress.state, progress.decided, progress.left) == (SweepState.EXPIRED, 0, 3)


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
@pytest.mark.parametrize("late", [timedelta(0), BLINK, 10 * MINUTE])
def test_worker_killed_half_way_leaves_the_rest_to_the_decline(
    start: Start, monkeypatch: pytest.MonkeyPatch, transport: str, late: timedelta
) -> None:
    """Of three chunks one is decided before the cutoff; the sweep has expired and counts the rows that it left."""
    monkeypatch.setattr(rules, "CHUNK_ROWS", 2)
    make_requests(6)
    celery = start(PRESSED, transport=transport)
    decide, lives = sweeps.decide_chunk, iter([True])
    monkeypatch.setattr(sweeps, "decide_chunk", lambda *a: decide(*a) if next(lives, False) else celery.kill_worker())
    sweep = press(celery)
    celery.run_until(CUTOFF - BLINK)
    assert ReturnRequest.objects.filter(status=Status.APPROVED).count() == 2
    monkeypatch.setattr(sweeps, "decide_chunk", decide)
    celery.run_until(CUTOFF + late)
    celery.start_worker()
    celery.advance(5 * MINUTE)
    assert ReturnRequest.objects.filter(status=Status.DECLINED).count() == 4
    assert Refund.objects.count() == 2
    sweep.refresh_from_db()
    progress = sweeps.progress(sweep, celery.now)
    assert (progress.state, progress.decided, progress.left) == (SweepState.EXPIRED, 2, 4)
