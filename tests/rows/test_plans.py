"""No statement that runs while people or the clock wait reads a table that grows: each has its index."""

from datetime import timedelta

import pytest
from django.db import connection

from refunds import queries
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Status
from refunds.domain.sweeps import Scope
from refunds.frozen import freeze
from refunds.gateways.wallet import Wallet
from refunds.importing import importer
from refunds.models import Refund
from refunds.operations import preview, reconcile, sweeps

from ..factories import CUTOFF, NOON, PRESSED, make_failed, make_refund, make_requests, never_read_tables
from ..importing.files import HEADER, csv_file, line, none_rejected, read, taken
from .plans import Plan, explained

pytestmark = pytest.mark.django_db

NOTHING = dict.fromkeys(("closed", "cutoffs", "plans", "chunks", "refunds", "notices", "look_ups"), 0)


@pytest.fixture(autouse=True)
def _rows() -> None:
    """Some of each kind, nothing overdue at PRESSED."""
    make_requests(3)
    make_requests(2, status=Status.DECLINED)
    make_refund()
    Refund.objects.update(status=RefundStatus.SUCCEEDED, settled_at=NOON, receipt="r")
    make_failed(notify_at=None)
    never_read_tables()


def of_large_tables(plans: list[Plan]) -> list[set[str]]:
    """The indexes of those that read one of the large tables."""
    assert [plan for plan in plans if plan.reads_a_large_table] == []
    return [plan.indexes for plan in plans if "refunds_refund" in plan.text or "refunds_returnrequest" in plan.text]


def test_reconciler_with_nothing_to_do_goes_by_indexes() -> None:
    """The oldest request by its id; refunds, mails and look-ups by their partial indexes; no other large table."""
    with explained() as plans:
        assert reconcile.reconcile(PRESSED, gateway=Wallet()) == NOTHING
    # The first: whether there was a request before the last cut-off.
    assert of_large_tables(plans) == [set(), {"refund_pending"}, {"refund_to_notify"}, {"refund_to_look_up"}]


def test_reconciler_claims_an_overdue_refund_by_indexes() -> None:
    """It is found by the index of what waits, and locked and marked by its id."""
    late = make_refund(due_at=NOON, dispatched_at=NOON)
    with explained() as plans:
        assert reconcile.reconcile(PRESSED, gateway=Wallet()) == NOTHING | {"refunds": 1}
    assert Refund.objects.get(pk=late.pk).dispatched_at == PRESSED + timedelta.resolution
    assert {"refund_pending"} in of_large_tables(plans)


def test_health_goes_by_indexes() -> None:
    """With all well, and with a refund and a customer overdue."""
    # Of the two indexes that fit the last question PostgreSQL takes the one of what has failed.
    reversed_by = {"postgresql": "refund_failed", "sqlite": "refund_reversed"}[connection.vendor]
    outcomes = [{"refund_to_look_up"}, {"refund_to_look_up"}, {reversed_by}]
    with explained() as plans:
        assert reconcile.health(PRESSED) == []
    assert of_large_tables(plans) == [
        *(set(), {"refund_pending"}, {"refund_second_receipt"}, {"refund_to_notify"}),
        *outcomes,
    ]
    make_refund(due_at=NOON, dispatched_at=NOON)
    make_failed()
    with explained() as plans:
        assert [line.split(":")[0] for line in reconcile.health(PRESSED)] == ["unpaid refunds", "untold customers"]
    found = [*[{"refund_pending"}] * 2, {"refund_second_receipt"}, *[{"refund_to_notify"}] * 2]
    assert of_large_tables(plans) == [set(), *found, *outcomes]


def test_open_sweeps_are_found_among_the_closed_by_their_index() -> None:
    """A year has some thousand sweeps, and the reconciler looks three times a minute."""
    sweeps.start_approve(key="k", frozen=freeze(), by=None, now=PRESSED)
    with explained() as plans:
        sweeps.close_expired(CUTOFF)
        reconcile.health(CUTOFF + timedelta(minutes=1))
    of_sweeps = ["sweep_open" in plan.indexes for plan in plans if 'FROM "refunds_sweep"' in plan.statement]
    # Last, the health check looks for the decline of the last cut-off, which has an index of its own, and this one.
    assert of_sweeps == [True, False, True]


def test_page_counts_and_sums_by_the_index_of_pending_rows() -> None:
    """The highest id, and one statement for all numbers, of which none reads a row of the table."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # The other way by the same index, which reads the rows too, and costs as much on a table of a page.
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    with explained() as plans:
        preview.preview(PRESSED)
    assert of_large_tables(plans) == [set(), {"request_pending"}]
    if connection.vendor == "postgresql":
        assert "Index Only Scan using request_pending" in plans[-1].text


def test_planning_and_deciding_go_by_the_index_of_pending_rows() -> None:
    """Of a sweep with a line through its rows as of one without."""
    rows = queries.pending(Scope(2**62, received_from=NOON))
    with explained() as plans:
        ends = queries.boundaries(rows, queries.lowest_id(rows), 2)
        assert rows.filter(pk__range=(1, ends[-1])).count() == 3
        rows.filter(pk__range=(1, ends[-1])).update(reason="")
    assert {"request_pending"} == set().union(*of_large_tables(plans))


def test_an_import_with_ids_goes_by_indexes() -> None:
    """Which of thousands of ids are stored, by the index of ids alone; and the numbers of equal facts by their keys."""
    make_requests(1, return_id="another")
    never_read_tables()
    rows = taken(read(csv_file(*(f"{line()},R-{number}" for number in range(2_000)), header=f"{HEADER},return_id")))
    with explained() as plans:
        importer.import_rows(rows, now=PRESSED, on_rejected=none_rejected)
    # SQLite's index of a constraint over the whole table has no name of ours.
    keys = {"request_key_once"} if connection.vendor == "postgresql" else set()
    assert of_large_tables(plans)[:2] == [{"request_return_id_once"}, keys]
