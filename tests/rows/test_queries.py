"""The set-based statements: their plans and the edges of their sets."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refunds import queries
from refunds.domain.returns import Decision
from refunds.domain.sweeps import Scope
from refunds.models import ReturnRequest

from ..factories import NOON, make_requests, never_read_tables

pytestmark = pytest.mark.django_db
ALL = Scope(up_to_id=2**62)


@pytest.mark.parametrize(("count", "step"), [(0, 3), (2, 3), (3, 3), (7, 3)])
def test_boundaries_end_every_step_and_at_the_last_row(count: int, step: int) -> None:
    """Every third pending row ends a chunk, and the last row does."""
    ids = [row.pk for row in make_requests(count)]
    expected = sorted({*ids[step - 1 :: step], *ids[-1:]})
    assert queries.boundaries(queries.pending(ALL), 1, step) == expected


def test_boundaries_pass_over_holes() -> None:
    """Decided rows between pending ones do not count, so that each chunk has as many rows to decide."""
    ids = [row.pk for row in make_requests(9)]
    queries.decide_rows(ReturnRequest.objects.filter(pk__in=ids[2:6]), Decision.DECLINE, NOON)
    assert queries.boundaries(queries.pending(ALL), ids[0], 2) == [ids[1], ids[7], ids[8]]


def test_boundaries_begin_at_an_id() -> None:
    """What lies below it is in no chunk, whoever adds it."""
    ids = [row.pk for row in make_requests(5)]
    assert queries.boundaries(queries.pending(ALL), ids[2], 2) == [ids[3], ids[4]]
    assert queries.boundaries(queries.pending(ALL), ids[4] + 1, 2) == []


def test_boundaries_are_sought_by_one_lower_bound() -> None:
    """Of two SQLite takes the first, and would read again for each chunk all rows of those before it."""
    ids = [row.pk for row in make_requests(5)]
    with CaptureQueriesContext(connection) as asked:
        queries.boundaries(queries.pending(ALL), ids[0], 2)
    assert [query["sql"].count('"id" >') for query in asked] == [1] * 4


def test_totals_are_exact_and_by_currency() -> None:
    """Sums are whole minor units, one line a currency."""
    make_requests(3, amount_minor=10**15 + 1)
    make_requests(1, amount_minor=7, currency="JPY")
    assert queries.totals(queries.pending(ALL)) == [("GBP", 3, 3 * (10**15 + 1)), ("JPY", 1, 7)]


def test_totals_are_parted_at_a_line() -> None:
    """What was received at the line counts as after it; what was before it is a number, and no currency's total."""
    make_requests(2, amount_minor=10**15 + 1)
    make_requests(1, amount_minor=7, currency="JPY", received_at=NOON - timedelta(microseconds=1))
    make_requests(3, received_at=NOON - timedelta(days=1))
    totals = [("GBP", 2, 2 * (10**15 + 1))]
    assert queries.parted_totals(queries.pending(ALL), NOON) == (totals, 4)
    assert queries.parted_totals(queries.pending(Scope(up_to_id=0)), NOON) == ([], 0)


def test_pending_rows_are_found_by_the_partial_index() -> None:
    """Counting, planning and deciding use the index of pending rows, not the table."""
    never_read_tables()
    rows = queries.pending(ALL)
    for query in (rows, rows.filter(pk__gte=1), rows.order_by("pk").values_list("pk")):
        assert "request_pending" in query.explain()


def test_owed_refunds_are_written_once() -> None:
    """Asked twice, the store adds one refund a request, and none for a request that is not approved."""
    rows = ReturnRequest.objects.filter(pk__in=[row.pk for row in make_requests(3)]).order_by("pk")
    queries.decide_rows(rows.filter(pk=rows[0].pk), Decision.APPROVE, NOON)
    queries.insert_refunds(rows, NOON)
    queries.insert_refunds(rows, NOON)
    assert [row.pk for row in rows if hasattr(row, "refund")] == [rows[0].pk]
