"""Sweeps as operations, in the database, without messages."""

from datetime import datetime

import pytest

from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Status
from refunds.domain.sweeps import IdRange, SweepState
from refunds.errors import UnknownRow
from refunds.frozen import freeze
from refunds.gateways.wallet import Wallet
from refunds.models import Chunk, Refund, ReturnRequest, Sweep, WalletEntry
from refunds.operations import bulk_payments, button, payments, sweeps

from ..factories import BLINK, CUTOFF, HOUR, NOON, PRESSED, make_requests

pytestmark = pytest.mark.django_db


def planned(now: datetime = PRESSED) -> Sweep:
    """Approve what is pending now, as far as the plan."""
    sweep, created = button.start_approve(key="k", frozen=freeze(), by=None, now=now)
    assert created
    sweeps.plan_sweep(sweep.pk, now)
    return sweep


def decide(sweep: Sweep) -> None:
    for chunk in Chunk.objects.filter(sweep=sweep):
        sweeps.decide_chunk(chunk.pk, sweep.started_at)


def test_approve_sweep_approves_the_pending_with_a_refund_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pending request up to the frozen id is approved with one refund; a later one is left as it is."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 4)
    rows = make_requests(10)
    sweep = planned()
    late = make_requests()[0]
    decide(sweep)
    assert Chunk.objects.count() == 3
    assert ReturnRequest.objects.filter(status=Status.APPROVED, sweep=sweep, decided_at=PRESSED).count() == 10
    assert set(Refund.objects.values_list("pk", "status", "amount_minor")) == {
        (row.pk, RefundStatus.PENDING, 1250) for row in rows
    }
    late.refresh_from_db()
    assert late.status == Status.REQUESTED
    sweep.refresh_from_db()
    progress = sweeps.progress(sweep, PRESSED)
    assert (progress.state, progress.percent) == (SweepState.DONE, 100)


def test_chunk_keeps_the_totals_of_what_it_decided() -> None:
    """By currency, without the rows that somebody decided before it or that no longer belong to it."""
    make_requests(2)
    make_requests(1, currency="JPY", amount_minor=7)
    (other,) = make_requests(1)
    sweep = planned()
    ReturnRequest.objects.filter(pk=other.pk).update(status=Status.DECLINED, decided_at=PRESSED)
    decide(sweep)
    assert [totals for chunk in sweep.chunks.order_by("pk") for totals in chunk.totals] == [
        ["GBP", 2, 2500],
        ["JPY", 1, 7],
    ]


def test_first_chunk_begins_at_the_first_row_to_decide() -> None:
    """No chunk's range holds rows that were decided in years before: a search for its refunds would read them all."""
    make_requests(3, status=Status.DECLINED)
    rows = make_requests(2)
    assert list(planned().chunks.values_list("first_id", "last_id")) == [(rows[0].pk, rows[1].pk)]


def test_wallet_pays_a_range_once() -> None:
    """Each pending refund gets one ledger entry and one receipt; a second payment finds nothing to pay."""
    rows = make_requests(3)
    decide(planned())
    id_range = IdRange(rows[0].pk, rows[-1].pk)
    assert [bulk_payments.pay_refunds(id_range, PRESSED, gateway=Wallet()) for _ in range(2)] == [3, 0]
    assert list(WalletEntry.objects.values_list("amount_minor", flat=True)) == [1250] * 3
    assert set(Refund.objects.values_list("status", "receipt", "attempts", "settled_at")) == {
        (RefundStatus.SUCCEEDED, f"wallet:{row.pk}", 1, PRESSED) for row in rows
    }


def test_decline_sweep_declines_what_was_received_before_the_cutoff() -> None:
    """A request received a microsecond before the cutoff is declined, with its code; one received at it is not."""
    before, on_time = (make_requests(received_at=at)[0].pk for at in (CUTOFF - BLINK, CUTOFF))
    sweep, created = sweeps.decline_pending(CUTOFF)
    assert created
    sweeps.plan_sweep(sweep.pk, CUTOFF)
    decide(sweep)
    rows = ReturnRequest.objects.order_by("pk").values_list("pk", "status", "decision_code")
    assert list(rows) == [(before, Status.DECLINED, "cutoff"), (on_time, Status.REQUESTED, "")]
    assert not Refund.objects.exists()
    assert sweeps.decline_pending(CUTOFF + 3 * HOUR) == (sweep, False)


def test_expired_sweep_decides_nothing_and_counts_the_rows_that_it_left() -> None:
    """A chunk that runs at the cutoff itself leaves its rows to the decline."""
    make_requests(2)
    sweep = planned(NOON)
    assert sweeps.decide_chunk(Chunk.objects.get().pk, CUTOFF) == 0
    sweeps.decline_pending(CUTOFF)
    sweep.refresh_from_db()
    assert (sweep.closed_at, sweep.left) == (CUTOFF, 2)
    assert sweeps.progress(sweep, CUTOFF).state is SweepState.EXPIRED


def test_unknown_ids_change_nothing() -> None:
    """A message about a sweep, chunk or refund that does not exist fails, and the error names it."""
    with pytest.raises(UnknownRow, match="there is no sweep 9"):
        sweeps.plan_sweep(9, NOON)
    with pytest.raises(UnknownRow, match="there is no chunk 9"):
        sweeps.decide_chunk(9, NOON)
    with pytest.raises(UnknownRow, match="there is no refund 9"):
        payments.pay_refund(9, NOON, gateway=Wallet(), jitter=0)
