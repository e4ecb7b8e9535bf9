"""Each statement that a page or the cutoff waits for uses an index, and reads no large table throughout."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection

from refunds import queries
from refunds.apps import LABEL
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision, Status
from refunds.domain.sweeps import Scope
from refunds.frozen import freeze
from refunds.gateways.wallet import Wallet
from refunds.models import Refund, ReturnRequest, Sweep
from refunds.operations import button, health, reconcile, sweeps
from refunds.operations.decisions import preview

from ..factories import CUTOFF, MINUTE, NOON, PRESSED, make_failed, make_refund, make_requests, never_read_tables
from .plans import Plan, explained

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rows() -> None:
    """Make some of each kind, nothing overdue at PRESSED."""
    make_requests(3)
    make_requests(2, status=Status.DECLINED)
    make_refund()
    Refund.objects.update(status=RefundStatus.SUCCEEDED, settled_at=NOON, receipt="r")
    make_failed()
    never_read_tables()


def of_large_tables(plans: list[Plan]) -> list[set[str]]:
    """The core's indexes of the plans that read a large table of the core; the rooms' plans come last."""
    assert [plan for plan in plans if plan.reads_a_large_table] == []
    large = (Refund._meta.db_table, ReturnRequest._meta.db_table)
    core = {index.name for model in apps.get_app_config(LABEL).get_models() for index in model._meta.indexes}
    return [plan.indexes & core for plan in plans if any(table in plan.text for table in large)]


def test_reconciler_with_nothing_to_do_uses_indexes() -> None:
    """The oldest request is read by its id, and refunds by the index of the pending ones."""
    with explained() as plans:
        assert set(reconcile.reconcile(PRESSED, gateway=Wallet()).values()) == {0}
    # The first plan: whether there was a request before the latest cutoff.
    assert of_large_tables(plans)[:2] == [set(), {"refund_pending"}]


def test_reconciler_claims_an_overdue_refund_by_indexes() -> None:
    """It is found by the index of the pending refunds, and locked and marked by its id."""
    late = make_refund(due_at=NOON, dispatched_at=NOON)
    with explained() as plans:
        assert reconcile.reconcile(PRESSED, gateway=Wallet())["refunds"] == 1
    assert Refund.objects.get(pk=late.pk).dispatched_at == PRESSED + timedelta.resolution
    assert {"refund_pending"} in of_large_tables(plans)


def test_health_uses_indexes() -> None:
    """It does so when nothing is overdue, and with an overdue refund."""
    with explained() as plans:
        assert health.health(PRESSED) == []
    assert of_large_tables(plans)[:2] == [set(), {"refund_pending"}]
    make_refund(due_at=NOON, dispatched_at=NOON)
    with explained() as plans:
        assert [line.split(":")[0] for line in health.health(PRESSED)] == ["unpaid refunds"]
    assert of_large_tables(plans)[:3] == [set(), *[{"refund_pending"}] * 2]


def test_open_sweeps_are_found_by_their_index() -> None:
    """There are about a thousand sweeps a year, and the reconciler reads the open ones several times a minute."""
    button.start_approve(key="k", frozen=freeze(), by=None, now=PRESSED)
    with explained() as plans:
        sweeps.close_expired(CUTOFF)
        health.health(CUTOFF + MINUTE)
    table = f'FROM "{Sweep._meta.db_table}"'
    of_sweeps = ["sweep_open" in plan.indexes for plan in plans if table in plan.statement]
    # The second looks for the decline of the latest cutoff, which has an index of its own.
    assert of_sweeps == [True, False, True]


def test_page_counts_and_sums_by_the_index_of_pending_rows() -> None:
    """The highest id, and one statement for all numbers; none reads a row of the table."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # The other plan by the same index reads the rows too, and costs as much on a table of one page.
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    with explained() as plans:
        preview(Decision.APPROVE, PRESSED)
    assert of_large_tables(plans) == [set(), {"request_pending"}]
    if connection.vendor == "postgresql":
        assert "Index Only Scan using request_pending" in plans[-1].text


def test_planning_and_deciding_use_the_index_of_pending_rows() -> None:
    """They do so also where the scope of the sweep has a bound in time."""
    rows = queries.pending(Scope(2**62, received_from=NOON))
    with explained() as plans:
        last = queries.chunk_ranges(rows, 2)[-1].last_id
        assert rows.filter(pk__range=(1, last)).count() == 3
        rows.filter(pk__range=(1, last)).update(reason="")
    assert {"request_pending"} == set().union(*of_large_tables(plans))
