"""How many statements a sweep makes for each chunk, whatever the number of rows."""

from typing import Any

import pytest
from django.db import connection

from refunds.domain.returns import Decision
from refunds.frozen import freeze
from refunds.operations import sweeps

from ..factories import CUTOFF, PRESSED, make_requests

# A savepoint and its release stand for BEGIN and COMMIT, and nothing is published.
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize(("kind", "statements"), [(Decision.APPROVE, 8), (Decision.DECLINE, 7)])
def test_chunk_is_decided_in_eight_statements(
    django_assert_num_queries: Any, count: int, kind: Decision, statements: int
) -> None:
    """Its mark, BEGIN, the chunk, its rows, its count, the refunds of what is approved, COMMIT, the end of the sweep.

    On PostgreSQL, which keeps plans, one more for the refunds.
    """
    statements += connection.vendor == "postgresql" and kind is Decision.APPROVE
    make_requests(count)
    if kind is Decision.APPROVE:
        sweep, _ = sweeps.start_approve(key="k", frozen=freeze(), by=None, now=PRESSED)
    else:
        sweep, _ = sweeps.decline_pending(CUTOFF)
    now = sweep.started_at
    sweeps.plan_sweep(sweep.pk, now)
    chunk = sweep.chunks.get()
    with django_assert_num_queries(statements):
        assert sweeps.decide_chunk(chunk.pk, now) == count


@pytest.mark.parametrize("chunks", [1, 5])
def test_plan_takes_one_statement_for_each_chunk(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch, chunks: int
) -> None:
    """Besides: a mark, BEGIN, the sweep, its first row, a last hop, its last row, the chunks, the plan, COMMIT, end."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)
    make_requests(2 * chunks)
    sweep, _ = sweeps.start_approve(key="k", frozen=freeze(), by=None, now=PRESSED)
    with django_assert_num_queries(10 + chunks):
        assert sweeps.plan_sweep(sweep.pk, PRESSED) == chunks
