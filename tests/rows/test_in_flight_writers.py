"""Rows in flight by every kind of writer on PostgreSQL: many savepoints, COPY."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from refunds.gateways.wallet import Wallet
from refunds.models import Sweep
from refunds.operations import reconcile

from ..factories import CUTOFF, NOON, make_requests
from .test_in_flight import INSERT, counts, run

pytestmark = pytest.mark.django_db(transaction=True)

# More than the 64 subtransactions that PostgreSQL keeps in shared memory for each transaction; beyond, it looks in
# pg_subtrans.
MANY = 100


def open_savepoints(cursor: Any) -> None:
    """Each in the one before, none released."""
    for number in range(MANY):
        cursor.execute(f"SAVEPOINT s{number}")
        cursor.execute(INSERT, [NOON, NOON, 1])


def released_savepoints(cursor: Any) -> None:
    """One after another, as Django's atomic() writes them."""
    for _ in range(MANY):
        cursor.execute("SAVEPOINT s")
        cursor.execute(INSERT, [NOON, NOON, 1])
        cursor.execute("RELEASE s")


def copied(cursor: Any) -> None:
    """By COPY, in a savepoint."""
    columns = "key, order_line, quantity, amount_minor, currency, reason, customer, customer_email, payment,"
    cursor.execute("SAVEPOINT s")
    statement = f"COPY refunds_returnrequest ({columns} requested_at, received_at, status, decision_note) FROM STDIN"
    with cursor.copy(statement) as copy:
        for number in range(MANY):
            copy.write_row((f"copied-{number}", "9/9", 1, 1, "GBP", "", "", "", "", NOON, NOON, "requested", ""))


@pytest.mark.parametrize("write", [open_savepoints, released_savepoints, copied])
def test_missed_cutoff_of_the_reconciler_leaves_rows_in_flight(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[Any], None]
) -> None:
    """The reconciler starts the sweep five minutes late; rows that are committed after that are not declined by it."""
    monkeypatch.setattr("refunds.outbox._publish", lambda *_: None)
    make_requests()
    writer = connection.copy()
    writer.set_autocommit(False)
    with writer.cursor() as cursor:
        write(cursor)
    make_requests()
    reconcile.reconcile(CUTOFF + timedelta(minutes=5), gateway=Wallet())
    writer.commit()
    writer.close()
    run(Sweep.objects.get(), CUTOFF + timedelta(minutes=5))
    assert counts() == {"declined": 2, "requested": MANY}
