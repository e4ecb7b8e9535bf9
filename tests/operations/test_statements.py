"""How many statements an operation makes, whatever the number of rows."""

import re
from typing import Any

import pytest
from django.db import connection
from django.dispatch import Signal
from django.test.utils import CaptureQueriesContext

from refunds import signals
from refunds.domain.returns import Decision
from refunds.domain.sweeps import IdRange
from refunds.frozen import freeze
from refunds.gateways.wallet import Wallet
from refunds.operations import button, sweeps
from refunds.operations.bulk_payments import pay_refunds

from ..factories import CUTOFF, NOON, PRESSED, make_refund, make_requests

pytestmark = pytest.mark.usefixtures("published")
# A savepoint and its release stand for BEGIN and COMMIT.
savepoints = pytest.mark.django_db
commits = pytest.mark.django_db(transaction=True)
ON_POSTGRESQL = connection.vendor == "postgresql"  # which keeps plans: one more statement for an INSERT


@commits
@pytest.mark.parametrize("count", [1, 40])
def test_id_range_is_paid_in_four_statements(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """BEGIN, the outcomes, the credits, COMMIT, besides what rooms do."""
    monkeypatch.setattr(signals, "refunds_settled", Signal())
    ids = [make_refund().pk for _ in range(count)]
    with django_assert_num_queries(4 + ON_POSTGRESQL):
        assert pay_refunds(IdRange(ids[0], ids[-1]), NOON, gateway=Wallet()) == count


@commits
def test_payment_reads_only_the_id_range() -> None:
    """The statements of outcomes and credits bound each table that they read."""
    ids = [make_refund().pk for _ in range(3)]
    with CaptureQueriesContext(connection) as captured:
        pay_refunds(IdRange(ids[0], ids[-1]), NOON, gateway=Wallet())
    written = [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE"))][:2]
    bounds = [dict(re.findall(r'"?(\w+)"?\."\w+" <= (\d+)', sql)) for sql in written]
    tables = [("refunds_refund",), ("refunds_returnrequest", "refunds_refund")]
    assert bounds == [dict.fromkeys(names, str(ids[-1])) for names in tables]


@savepoints
@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize(("kind", "statements"), [(Decision.APPROVE, 10 + ON_POSTGRESQL), (Decision.DECLINE, 9)])
def test_chunk_is_decided_in_ten_statements(
    django_assert_num_queries: Any, count: int, kind: Decision, statements: int
) -> None:
    """Mark, BEGIN, chunk, sweep, its rows, the refunds of the approved, totals, the chunk, COMMIT, the sweep's end."""
    make_requests(count)
    if kind is Decision.APPROVE:
        sweep, _ = button.start_approve(key="k", frozen=freeze(), by=None, now=PRESSED)
    else:
        sweep, _ = sweeps.decline_pending(CUTOFF)
    sweeps.plan_sweep(sweep.pk, sweep.started_at)
    chunk = sweep.chunks.get()
    with django_assert_num_queries(statements):
        assert sweeps.decide_chunk(chunk.pk, sweep.started_at) == count


@savepoints
@pytest.mark.parametrize("chunks", [1, 5])
def test_plan_takes_one_statement_for_each_chunk(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch, chunks: int
) -> None:
    """Besides: a mark, BEGIN, the sweep, its first row, a last hop, its last row, the chunks, the plan, COMMIT, end."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)
    make_requests(2 * chunks)
    sweep, _ = button.start_approve(key="k", frozen=freeze(), by=None, now=PRESSED)
    with django_assert_num_queries(10 + chunks):
        assert sweeps.plan_sweep(sweep.pk, PRESSED) == chunks
