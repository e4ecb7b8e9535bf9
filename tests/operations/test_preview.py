"""What the button would do, counted from the rows."""

import pytest

from refunds.domain.returns import Status
from refunds.domain.sweeps import Frozen
from refunds.models import Sweep
from refunds.operations import preview, sweeps

from ..factories import BLINK, CUTOFF, DAY, NOON, PRESSED, make_requests

pytestmark = pytest.mark.django_db


def test_preview_divides_the_pending_at_the_latest_cutoff() -> None:
    """A request received at the cutoff of the day before counts; one a microsecond earlier can only be declined."""
    line = CUTOFF - DAY
    make_requests(2, received_at=line)
    make_requests(1, received_at=NOON, currency="UAH", amount_minor=100)
    make_requests(3, received_at=line - BLINK)
    last = make_requests(1, status=Status.DECLINED, decided_at=NOON)[0]
    shown = preview.preview(PRESSED)
    totals = [("GBP", 2, 2500), ("UAH", 1, 100)]
    assert shown == preview.Preview(shown.rows, totals, owed_decline=3, frozen=shown.frozen, expires_at=CUTOFF)
    assert shown.frozen.up_to_id == last.pk
    assert shown.count == 3


def test_preview_moves_to_the_next_day_at_the_cutoff() -> None:
    """What could be approved until the cutoff can only be declined from then on."""
    make_requests(2)
    before, after = preview.preview(CUTOFF - BLINK), preview.preview(CUTOFF)
    assert (before.count, before.owed_decline, before.expires_at) == (2, 0, CUTOFF)
    assert (after.count, after.owed_decline, after.expires_at) == (0, 2, CUTOFF + DAY)


def test_preview_counts_what_the_sweep_decides() -> None:
    """A sweep started from the page has as many rows to decide as the page showed."""
    make_requests(4)
    shown = preview.preview(PRESSED)
    make_requests(1)
    sweep, _ = sweeps.start_approve(key="k", frozen=shown.frozen, by=None, now=PRESSED)
    assert sweeps.progress(sweep, PRESSED).left == shown.count == 4


def test_sweep_is_found_by_the_key_of_its_page() -> None:
    """The key finds nothing before the press, and the new sweep after it."""
    assert preview.started("k") is None
    sweep, _ = sweeps.start_approve(key="k", frozen=Frozen(0), by=None, now=PRESSED)
    assert preview.started("k") == sweep
    assert Sweep.objects.count() == 1
