"""Decisions on chosen rows, and what a decision would change, counted from the rows."""

import pytest

from refunds.domain.returns import Decision, Status
from refunds.models import Refund, ReturnRequest
from refunds.operations import button, sweeps
from refunds.operations.decisions import Preview, decide_chosen, preview

from ..factories import BLINK, CUTOFF, DAY, NOON, PRESSED, SECOND, make_requests
from .conftest import Published

pytestmark = pytest.mark.django_db
APPROVE, DECLINE = Decision
LAST_SECOND = CUTOFF - SECOND


def decide(decision: Decision) -> tuple[list[int], int]:
    """Decide six rows, two to a chunk, from the last second before the cutoff on; return their ids and the count."""
    ids, instants = [row.pk for row in make_requests(6)], iter([CUTOFF, CUTOFF + SECOND])
    return ids, decide_chosen(ids, decision, by=None, note="", now=LAST_SECOND, clock=lambda: next(instants))


@pytest.fixture
def _two_to_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)


@pytest.mark.usefixtures("_two_to_a_chunk")
def test_chunk_that_begins_at_the_cutoff_approves_nothing(published: Published) -> None:
    """The first chunk begins a second before the cutoff, the others at it, when their rows can only be declined."""
    ids, decided = decide(APPROVE)
    assert decided == 2
    statuses = ReturnRequest.objects.order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["approved"] * 2 + ["requested"] * 4
    assert sorted(Refund.objects.values_list("pk", flat=True)) == ids[:2]


@pytest.mark.usefixtures("_two_to_a_chunk")
def test_decline_continues_over_the_cutoff_with_the_time_of_each_chunk(published: Published) -> None:
    """Each row has the time of its own decision."""
    assert decide(DECLINE)[1] == 6
    decided = ReturnRequest.objects.order_by("pk").values_list("decided_at", flat=True)
    assert list(decided) == [LAST_SECOND] * 2 + [CUTOFF] * 2 + [CUTOFF + SECOND] * 2


def test_preview_divides_the_pending_at_the_latest_cutoff() -> None:
    """A request received at the cutoff of the day before counts; one a microsecond earlier can only be declined."""
    line = CUTOFF - DAY
    make_requests(2, received_at=line)
    make_requests(1, received_at=NOON, currency="UAH", amount_minor=100)
    make_requests(3, received_at=line - BLINK)
    (last,) = make_requests(1, status=Status.DECLINED, decided_at=NOON)
    shown = preview(APPROVE, PRESSED)
    assert shown == Preview(shown.frozen, shown.rows, [("GBP", 2, 2500), ("UAH", 1, 100)], only_declinable=3)
    assert (shown.frozen.up_to_id, shown.count) == (last.pk, 3)
    assert preview(DECLINE, PRESSED).totals == [("GBP", 5, 5 * 1250), ("UAH", 1, 100)]


def test_preview_moves_to_the_next_day_at_the_cutoff() -> None:
    """What could be approved until the cutoff can only be declined from then on."""
    make_requests(2)
    before, after = (preview(APPROVE, now) for now in (CUTOFF - BLINK, CUTOFF))
    assert (before.count, before.only_declinable) == (2, 0)
    assert (after.count, after.only_declinable) == (0, 2)


def test_preview_counts_what_the_sweep_decides() -> None:
    """A sweep started from the page has as many rows to decide as the page showed."""
    make_requests(4)
    shown = preview(APPROVE, PRESSED)
    make_requests(1)
    sweep, _ = button.start_approve(key="k", frozen=shown.frozen, by=None, now=PRESSED)
    assert sweeps.progress(sweep, PRESSED).left == shown.count == 4
