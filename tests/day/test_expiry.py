"""Approve-all expires at 18:00: by Celery, which revokes messages, and by the domain, which refuses them."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from refunds.domain import sweeps as rules
from refunds.domain.returns import Status
from refunds.domain.sweeps import SweepState
from refunds.models import Refund, ReturnRequest
from refunds.operations import sweeps

from ..factories import CUTOFF, NOON, PRESSED, make_requests
from .conftest import Start, press

pytestmark = pytest.mark.django_db(transaction=True)
BLINK = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)


def test_an_approval_that_comes_a_millisecond_before_the_cutoff_counts(start: Start) -> None:
    """Pressed at 17:59:59.999 the button approves; nothing of its set is left for the decline."""
    make_requests(3)
    celery = start(CUTOFF - BLINK)
    sweep = press(celery)
    celery.advance(MINUTE)
    assert set(ReturnRequest.objects.values_list("status", flat=True)) == {Status.APPROVED}
    sweep.refresh_from_db()
    assert sweeps.progress(sweep, celery.now).state is SweepState.DONE


def test_a_press_on_the_stroke_of_18_approves_what_comes_from_then_on(start: Start) -> None:
    """At 18:00:00.000 the day before is over: its requests are declined, and the press is the next day's."""
    yesterdays = make_requests(3, received_at=NOON)
    celery = start(CUTOFF)
    todays = make_requests(2, received_at=CUTOFF)
    sweep = press(celery)
    celery.advance(MINUTE)
    assert {row.pk: row.status for row in ReturnRequest.objects.all()} == (
        dict.fromkeys((row.pk for row in yesterdays), Status.DECLINED)
        | dict.fromkeys((row.pk for row in todays), Status.APPROVED)
    )
    assert sweep.expires_at == CUTOFF + timedelta(days=1)


@pytest.mark.parametrize(("late", "kind"), [(timedelta(0), "succeeded"), (BLINK, "expired")])
def test_an_approval_whose_worker_was_down_until_the_cutoff_lapses(start: Start, late: timedelta, kind: str) -> None:
    """At 18:00:00 Celery still runs the message and the domain refuses; a millisecond later Celery expires it.

    Either way the rows are declined, and the sweep says how many it left.
    """
    make_requests(3)
    celery = start(PRESSED)
    celery.stop_worker()
    sweep = press(celery)
    celery.run_until(CUTOFF + late)
    celery.start_worker()
    celery.advance(5 * MINUTE)
    (plan,) = [record for record in celery.timeline.of("sent", "refunds.plan_sweep") if record.by == "test"]
    assert [record.kind for record in celery.timeline.of(id=plan.id)][-1] == kind
    assert set(ReturnRequest.objects.values_list("status", flat=True)) == {Status.DECLINED}
    sweep.refresh_from_db()
    progress = sweeps.progress(sweep, celery.now)
    assert (progress.state, progress.decided, progress.left) == (SweepState.LAPSED, 0, 3)
    mailed = [letter for letter in mail.outbox if "Task refunds.plan_sweep expired" in letter.subject]
    assert len(mailed) == (kind == "expired")


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
@pytest.mark.parametrize("late", [timedelta(0), BLINK, 10 * MINUTE])
def test_a_worker_that_dies_half_way_leaves_the_rest_to_the_decline(
    start: Start, monkeypatch: pytest.MonkeyPatch, transport: str, late: timedelta
) -> None:
    """Of three chunks one is decided before 18:00; the page says that the approval expired, and how many it left."""
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
    assert (progress.state, progress.decided, progress.left) == (SweepState.LAPSED, 2, 4)


def test_the_page_of_a_lapsed_sweep_says_so(start: Start, admin_client: Client) -> None:
    """State, instant and number, for whoever pressed the button and went home."""
    make_requests(3)
    celery = start(PRESSED)
    celery.stop_worker()
    sweep = press(celery)
    celery.run_until(CUTOFF + MINUTE)
    celery.start_worker()
    celery.advance(MINUTE)
    page = admin_client.get(f"/admin/refunds/sweep/{sweep.pk}/change/").text
    for cell in ("<td>expired</td>", "Lapsed (Kyiv)", "<td>2026-07-15 18:00:00</td>", "left undecided when it expired"):
        assert cell in page
    assert "<td>3: left undecided" in page
