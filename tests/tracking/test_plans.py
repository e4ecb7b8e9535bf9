"""No statement of this room that runs twice a minute reads a table that grows: each has its index."""

from datetime import timedelta

import pytest
from django.db import connection

from refunds.models import Refund
from refunds.tracking.look_ups import lines, send_look_ups
from refunds.tracking.models import LookUp

from ..factories import NOON, PRESSED, make_failed, make_processing, make_refund, never_read_tables
from ..operations.payers import Scripted
from ..rows.plans import explained
from .rows import under_way

pytestmark = pytest.mark.django_db
LOOK_UPS = LookUp._meta.db_table


@pytest.fixture(autouse=True)
def _rows() -> None:
    """Some of each kind, nothing due at NOON."""
    make_refund()
    make_failed()
    for _ in range(3):
        under_way(look_at=PRESSED + timedelta(hours=1))
    never_read_tables()


def test_look_ups_are_found_by_indexes() -> None:
    """Refunds without a look-up, those that are due, and reversed ones; no large table is read throughout."""
    with explained() as plans:
        assert (send_look_ups(PRESSED, Scripted()), lines(PRESSED)) == (0, [])
    tables = (Refund._meta.db_table, LOOK_UPS)
    assert [plan for plan in plans if plan.reads_a_large_table or f"SCAN {LOOK_UPS}\n" in plan.text] == []
    missing, *found = [plan.indexes for plan in plans if any(table in plan.text for table in tables)]
    assert missing == {"refund_processing"}
    # PostgreSQL begins with the smaller table, which in a test is the one of refunds.
    if connection.vendor == "sqlite":
        due = {"refund_to_look_up"}
        assert (found[0], found[2], found[4:]) == (due, due, [{"refund_reversed"}])


def test_refund_without_a_look_up_is_found_by_the_index_of_refunds_under_way() -> None:
    """As where this room was added to a running project: it gets a look-up, which is due."""
    refund = make_processing()
    with explained() as plans:
        assert send_look_ups(PRESSED, Scripted()) == 1
    assert [plan for plan in plans if plan.reads_a_large_table] == []
    assert LookUp.objects.get(pk=refund.pk).look_at == PRESSED
    assert connection.vendor != "sqlite" or "refund_processing" in plans[0].indexes
    assert send_look_ups(NOON, Scripted()) == 0
