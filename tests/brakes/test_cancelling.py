"""Cancelling a sweep: what is decided stays, what is left stays pending until the cutoff."""

import pytest

from refunds.brakes.cancelling import cancel
from refunds.domain.returns import Status
from refunds.domain.sweeps import SweepState
from refunds.errors import BadInput, UnknownRow
from refunds.frozen import freeze
from refunds.gateways.wallet import Wallet
from refunds.models import Chunk, Sweep
from refunds.operations import button, sweeps
from refunds.operations.reconcile import reconcile

from ..day.conftest import statuses
from ..factories import BLINK, CUTOFF, HOUR, PRESSED, make_requests
from ..operations.conftest import Published, published

__all__ = ["published"]  # a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """An approval of five requests in chunks of two, which nobody has planned."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)
    make_requests(5)
    return button.start_approve(key="k", frozen=freeze(), by=None, now=PRESSED)[0]


def running(sweep: Sweep, done: int = 1) -> list[Chunk]:
    """Plan the sweep, decide its first chunks, and return all of them."""
    sweeps.plan_sweep(sweep.pk, PRESSED)
    chunks = list(sweep.chunks.order_by("pk"))
    for chunk in chunks[:done]:
        sweeps.decide_chunk(chunk.pk, PRESSED)
    return chunks


def test_cancelled_sweep_keeps_what_it_decided_and_decides_no_more(sweep: Sweep) -> None:
    """Two of five requests stay approved; a chunk whose message is on its way decides nothing."""
    _, *rest = running(sweep)
    assert cancel(sweep.pk, PRESSED) == [("GBP", 3, 3750)]
    assert [sweeps.decide_chunk(chunk.pk, PRESSED) for chunk in rest] == [0, 0]
    assert {status: len(rows) for status, rows in statuses().items()} == {Status.APPROVED: 2, Status.REQUESTED: 3}
    sweep.refresh_from_db()
    for now in (PRESSED, CUTOFF + HOUR):
        assert sweeps.progress(sweep, now)[:2] == (2, 3)
        assert sweeps.progress(sweep, now).state is SweepState.CANCELLED


def test_sweep_is_cancelled_before_it_is_planned(sweep: Sweep) -> None:
    """The plan's message then plans nothing, and the reconciler sends no other."""
    assert cancel(sweep.pk, PRESSED) == [("GBP", 5, 6250)]
    assert sweeps.plan_sweep(sweep.pk, PRESSED) == 0
    assert reconcile(PRESSED + HOUR / 100, gateway=Wallet())["plans"] == 0


def test_reconciler_sends_no_chunk_of_a_cancelled_sweep(sweep: Sweep, published: Published) -> None:
    """Its open chunks are not lost."""
    running(sweep)
    cancel(sweep.pk, PRESSED)
    published.clear()
    found = reconcile(CUTOFF - BLINK, gateway=Wallet())
    assert (found["chunks"], published) == (0, [])


def test_requests_that_a_cancelled_sweep_left_are_declined_at_the_cutoff(sweep: Sweep) -> None:
    """They are pending like any other."""
    running(sweep)
    cancel(sweep.pk, PRESSED)
    decline, _ = sweeps.decline_pending(CUTOFF)
    sweeps.plan_sweep(decline.pk, CUTOFF)
    assert sum(sweeps.decide_chunk(chunk.pk, CUTOFF) for chunk in decline.chunks.all()) == 3
    assert {status: len(rows) for status, rows in statuses().items()} == {Status.APPROVED: 2, Status.DECLINED: 3}


def test_only_an_approval_under_way_can_be_cancelled(sweep: Sweep) -> None:
    """Not at its expiry, not twice, not once it is done, not a decline, and no unknown one."""
    no = f"approve sweep {sweep.pk} cannot be cancelled: only an approval under way can"
    with pytest.raises(BadInput, match=no):
        cancel(sweep.pk, CUTOFF)
    cancel(sweep.pk, CUTOFF - BLINK)
    with pytest.raises(BadInput, match=no):
        cancel(sweep.pk, CUTOFF - BLINK)
    decline, _ = sweeps.decline_pending(CUTOFF)
    with pytest.raises(BadInput, match=f"decline sweep {decline.pk} cannot be cancelled"):
        cancel(decline.pk, CUTOFF)
    with pytest.raises(UnknownRow, match="there is no sweep 0"):
        cancel(0, PRESSED)
