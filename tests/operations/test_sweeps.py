"""Sweeps as operations, in the database, without messages."""

import pytest

from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Status
from refunds.domain.sweeps import Frozen, IdRange, SweepState
from refunds.errors import UnknownRow
from refunds.gateways.wallet import Wallet
from refunds.models import Chunk, Refund, ReturnRequest, Sweep, WalletEntry
from refunds.operations import bulk_payments, payments, sweeps

from ..factories import BLINK, CUTOFF, HOUR, NOON, PRESSED, make_requests

pytestmark = pytest.mark.django_db


def run(sweep: Sweep, now: object = PRESSED) -> None:
    sweeps.plan_sweep(sweep.pk, now)  # type: ignore[arg-type]
    for chunk in Chunk.objects.filter(sweep=sweep):
        sweeps.decide_chunk(chunk.pk, now)  # type: ignore[arg-type]


def test_approve_sweep_approves_the_pending_with_a_refund_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pending request up to the frozen id is approved with one refund; a later one is left as it is."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 4)
    rows = make_requests(10)
    late = make_requests()[0]
    sweep, created = sweeps.start_approve(key="k", frozen=Frozen(rows[-1].pk), by=None, now=PRESSED)
    assert created
    run(sweep)
    assert Chunk.objects.count() == 3
    assert ReturnRequest.objects.filter(status=Status.APPROVED, sweep=sweep, decided_at=PRESSED).count() == 10
    assert set(Refund.objects.values_list("pk", "status", "amount_minor")) == {
        (row.pk, RefundStatus.PENDING, 1250) for row in rows
    }
    late.refresh_from_db()
    assert late.status == Status.REQUESTED
    sweep.refresh_from_db()
    assert sweeps.progress(sweep, PRESSED).state is SweepState.DONE
    assert sweeps.progress(sweep, PRESSED).percent == 100


def test_first_chunk_begins_at_the_first_row_to_decide() -> None:
    """No chunk's range holds rows that were decided in years before: a search for its refunds would read them all."""
    make_requests(3, status=Status.DECLINED)
    rows = make_requests(2)
    sweep, _ = sweeps.start_approve(key="k", frozen=Frozen(rows[-1].pk), by=None, now=PRESSED)
    sweeps.plan_sweep(sweep.pk, PRESSED)
    assert list(sweep.chunks.values_list("first_id", "last_id")) == [(rows[0].pk, rows[1].pk)]


def test_wallet_pays_a_range_once() -> None:
    """Each pending refund gets one ledger entry and one receipt; a second payment finds nothing to pay."""
    rows = make_requests(3)
    sweep, _ = sweeps.start_approve(key="k", frozen=Frozen(rows[-1].pk), by=None, now=PRESSED)
    run(sweep)
    id_range = IdRange(rows[0].pk, rows[-1].pk)
    assert bulk_payments.pay_refunds(id_range, PRESSED, gateway=Wallet()) == 3
    assert bulk_payments.pay_refunds(id_range, PRESSED, gateway=Wallet()) == 0
    assert list(WalletEntry.objects.values_list("amount_minor", flat=True)) == [1250] * 3
    assert set(Refund.objects.values_list("status", "receipt", "attempts", "settled_at")) == {
        (RefundStatus.SUCCEEDED, f"wallet:{row.pk}", 1, PRESSED) for row in rows
    }


def test_decline_sweep_declines_what_was_received_before_the_cutoff() -> None:
    """A request received a microsecond before the cutoff is declined, and one received at the cutoff is not."""
    before = make_requests(received_at=CUTOFF - BLINK)[0]
    on_time = make_requests(received_at=CUTOFF)[0]
    sweep, created = sweeps.decline_pending(CUTOFF)
    assert created
    run(sweep, CUTOFF)
    assert dict(ReturnRequest.objects.values_list("pk", "status")) == {
        before.pk: Status.DECLINED,
        on_time.pk: Status.REQUESTED,
    }
    assert not Refund.objects.exists()
    again, created = sweeps.decline_pending(CUTOFF + 3 * HOUR)
    assert (again.pk, created) == (sweep.pk, False)


def test_expired_sweep_decides_nothing_and_counts_the_rows_that_it_left() -> None:
    """A chunk that runs at the cutoff itself leaves its rows to the decline."""
    rows = make_requests(2)
    sweep, _ = sweeps.start_approve(key="k", frozen=Frozen(rows[-1].pk), by=None, now=NOON)
    sweeps.plan_sweep(sweep.pk, NOON)
    chunk = Chunk.objects.get()
    assert sweeps.decide_chunk(chunk.pk, CUTOFF) == 0
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
