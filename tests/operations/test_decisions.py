"""Decisions on chosen rows that take longer than the time left before the cutoff."""

import pytest

from refunds.domain.returns import Decision
from refunds.models import Refund, ReturnRequest
from refunds.operations.decisions import Decided, decide_chosen

from ..factories import CUTOFF, NOON, SECOND, make_requests
from .conftest import Published

pytestmark = pytest.mark.django_db
LAST_SECOND = CUTOFF - SECOND


@pytest.fixture
def ids(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Six rows, two to a chunk, received at noon."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)
    return [row.pk for row in make_requests(6, received_at=NOON)]


def test_chunk_that_begins_at_the_cutoff_approves_nothing(ids: list[int], published: Published) -> None:
    """The first chunk begins a second before the cutoff, the others at it, when their rows can only be declined."""
    instants = iter([CUTOFF, CUTOFF + SECOND])
    done = decide_chosen(ids, Decision.APPROVE, by=None, note="", now=LAST_SECOND, clock=lambda: next(instants))
    assert done == Decided(decided=2, left=4)
    assert list(ReturnRequest.objects.order_by("pk").values_list("status", flat=True)) == [
        *["approved"] * 2,
        *["requested"] * 4,
    ]
    assert sorted(Refund.objects.values_list("pk", flat=True)) == ids[:2]


def test_decline_continues_over_the_cutoff_with_the_time_of_each_chunk(ids: list[int], published: Published) -> None:
    """Each row has the time of its own decision."""
    instants = iter([CUTOFF, CUTOFF + SECOND])
    done = decide_chosen(ids, Decision.DECLINE, by=None, note="late", now=LAST_SECOND, clock=lambda: next(instants))
    assert done == Decided(decided=6, left=0)
    decided = ReturnRequest.objects.order_by("pk").values_list("decided_at", flat=True)
    assert list(decided) == [LAST_SECOND] * 2 + [CUTOFF] * 2 + [CUTOFF + SECOND] * 2
