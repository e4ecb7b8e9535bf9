"""What the button would do, counted from rows."""

from datetime import timedelta

import pytest

from refunds.domain.returns import Status
from refunds.domain.sweeps import Frozen
from refunds.models import Sweep
from refunds.operations import preview, sweeps

from ..factories import CUTOFF, NOON, PRESSED, make_requests

pytestmark = pytest.mark.django_db


def test_preview_parts_the_pending_at_the_last_cutoff() -> None:
    """Received at 18:00:00 of the day before counts, a microsecond earlier is owed a decline."""
    line = CUTOFF - timedelta(days=1)
    make_requests(2, received_at=line)
    make_requests(1, received_at=NOON, currency="UAH", amount_minor=100)
    make_requests(3, received_at=line - timedelta(microseconds=1))
    last = make_requests(1, status=Status.DECLINED, decided_at=NOON)[0]
    shown = preview.preview(PRESSED)
    assert shown == preview.Preview(
        frozen=shown.frozen, totals=[("GBP", 2, 2500), ("UAH", 1, 100)], owed_decline=3, expires_at=CUTOFF
    )
    assert shown.frozen.up_to_id == last.pk
    assert shown.count == 3


def test_preview_moves_to_the_next_day_at_the_cutoff() -> None:
    """What could be approved until 18:00 is owed a decline from then on."""
    make_requests(2)
    before, after = preview.preview(CUTOFF - timedelta(microseconds=1)), preview.preview(CUTOFF)
    assert (before.count, before.owed_decline, before.expires_at) == (2, 0, CUTOFF)
    assert (after.count, after.owed_decline, after.expires_at) == (0, 2, CUTOFF + timedelta(days=1))


def test_preview_counts_what_the_sweep_then_covers() -> None:
    """A sweep started from the page has the page's number before it."""
    make_requests(4)
    shown = preview.preview(PRESSED)
    make_requests(1)
    sweep, _ = sweeps.start_approve(key="k", frozen=shown.frozen, by=None, now=PRESSED)
    assert sweeps.progress(sweep, PRESSED).left == shown.count == 4


def test_started_finds_the_sweep_of_a_key() -> None:
    """None before the press, the sweep after it."""
    assert preview.started("k") is None
    sweep, _ = sweeps.start_approve(key="k", frozen=Frozen(0), by=None, now=PRESSED)
    assert preview.started("k") == sweep
    assert Sweep.objects.count() == 1
