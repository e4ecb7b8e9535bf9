"""The set-based statements: their plans and the edges of their sets."""

import pytest
from django.db import connection
from django.db.models import Q, QuerySet
from django.test.utils import CaptureQueriesContext

from refunds import queries
from refunds.domain.returns import Decision
from refunds.domain.sweeps import Scope
from refunds.models import ReturnRequest

from ..factories import BLINK, DAY, NOON, make_requests

pytestmark = pytest.mark.django_db
ALL = Scope(up_to_id=2**62)


def ends(rows: QuerySet[ReturnRequest], step: int) -> list[int]:
    """The last ids of the ranges, once the ranges are known to have no gap between them."""
    ranges = queries.chunk_ranges(rows, step)
    assert [each.first_id for each in ranges[1:]] == [each.last_id + 1 for each in ranges[:-1]]
    return [each.last_id for each in ranges]


@pytest.mark.parametrize(("count", "step"), [(0, 3), (2, 3), (3, 3), (7, 3)])
def test_chunk_ranges_end_at_every_step_and_at_the_last_row(count: int, step: int) -> None:
    """Every third pending row ends a range, and so does the last row; no rows have no range."""
    ids = [row.pk for row in make_requests(count)]
    assert ends(queries.pending(ALL), step) == sorted({*ids[step - 1 :: step], *ids[-1:]})


@pytest.mark.parametrize("first", Decision)
@pytest.mark.parametrize("second", Decision)
def test_first_decision_stands(first: Decision, second: Decision) -> None:
    """A requested return becomes approved or declined, and no later decision changes it."""
    make_requests()
    rows = ReturnRequest.objects.all()
    assert queries.decide_rows(rows, first, NOON) == 1
    queries.insert_refunds(rows, NOON)
    decided = rows.values().get()
    assert (decided["status"], decided["decided_at"]) == (f"{first}d", NOON)
    assert queries.decide_rows(rows, second, NOON + DAY) == 0
    assert rows.values().get() == decided


@pytest.mark.parametrize(("count", "decided"), [(9, range(2, 6)), (5, range(2))])
def test_chunk_ranges_do_not_count_decided_rows(count: int, decided: range) -> None:
    """Each range has the same number of rows to decide, and the first begins at the first of them."""
    ids = [row.pk for row in make_requests(count)]
    declined = [ids[n] for n in decided]
    queries.decide_rows(ReturnRequest.objects.filter(pk__in=declined), Decision.DECLINE, NOON)
    left = [pk for pk in ids if pk not in declined]
    assert ends(queries.pending(ALL), 2) == sorted({*left[1::2], left[-1]})
    assert queries.chunk_ranges(queries.pending(ALL), 2)[0].first_id == left[0]


def test_chunk_ranges_are_found_by_one_lower_bound() -> None:
    """With two bounds SQLite would use the first, and read the rows of all earlier chunks again for each chunk."""
    make_requests(5)
    with CaptureQueriesContext(connection) as asked:
        queries.chunk_ranges(queries.pending(ALL), 2)
    assert [query["sql"].count('"id" >') for query in asked] == [0] + [1] * 4


def test_totals_are_exact_and_by_currency_and_count_other_rows_apart() -> None:
    """Sums are whole minor units, with one line per currency; rows that are not wanted are only counted."""
    make_requests(2, amount_minor=10**15 + 1)
    make_requests(1, amount_minor=7, currency="JPY", received_at=NOON - BLINK)
    make_requests(3, received_at=NOON - DAY)
    big, rows = 2 * (10**15 + 1), queries.pending(ALL)
    assert queries.totals(rows, Q()) == ([("GBP", 5, big + 3 * 1250), ("JPY", 1, 7)], 0)
    assert queries.totals(rows, Q(received_at__gte=NOON)) == ([("GBP", 2, big)], 4)
    assert queries.totals(queries.pending(Scope(up_to_id=0)), Q()) == ([], 0)


def test_refunds_are_inserted_once() -> None:
    """A second call adds no refund, and neither adds one for a request that is not approved."""
    rows = ReturnRequest.objects.filter(pk__in=[row.pk for row in make_requests(3)]).order_by("pk")
    queries.decide_rows(rows.filter(pk=rows[0].pk), Decision.APPROVE, NOON)
    queries.insert_refunds(rows, NOON)
    queries.insert_refunds(rows, NOON)
    assert [row.pk for row in rows if hasattr(row, "refund")] == [rows[0].pk]
