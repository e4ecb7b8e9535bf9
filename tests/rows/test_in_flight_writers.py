"""Rows in flight by every kind of writer on PostgreSQL: the ORM, savepoints, COPY, a migration."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from refunds import queries
from refunds.domain.sweeps import Scope
from refunds.frozen import freeze
from refunds.gateways.wallet import Wallet
from refunds.models import ReturnRequest, Sweep
from refunds.operations import reconcile

from ..factories import CUTOFF, NOON, make_requests
from .test_in_flight import INSERT, counts, execute, run

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


def test_every_writer_gives_a_row_its_outermost_transaction() -> None:
    """The ORM, bulk_create and raw SQL, each in a savepoint of its own, where xmin is another number."""
    with transaction.atomic():
        with transaction.atomic():
            ReturnRequest.objects.create(
                order_line="1/1", quantity=1, amount_minor=1, currency="GBP", requested_at=NOON, received_at=NOON
            )
        with transaction.atomic():
            make_requests()
        with transaction.atomic():
            execute(INSERT, NOON, NOON, 1)
        ours = "bool_and(added_in = pg_current_xact_id()), bool_or(added_in::xid = xmin)"
        assert execute(f"SELECT count(*), {ours} FROM refunds_returnrequest") == (3, True, False)


@pytest.mark.parametrize("others", [0, 3])
def test_rows_of_the_same_transaction_are_frozen_and_decided_in_it(others: int) -> None:
    """Other transactions that end in between, and advance PostgreSQL's snapshot, do not change this."""
    with transaction.atomic():
        row = make_requests()[0]
        frozen = freeze()
        other = connection.copy()
        for _ in range(others):
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_current_xact_id()")
        other.close()
        assert list(queries.pending(Scope(frozen.up_to_id, snapshot=frozen.snapshot))) == [row]


def test_migration_gives_old_rows_its_own_transaction_without_writing_the_table() -> None:
    """The default is not volatile: PostgreSQL keeps one value for all rows that are there."""
    execute("CREATE TEMPORARY TABLE old AS SELECT generate_series(1, 10) AS id")
    before = execute("SELECT pg_relation_filenode('old')")
    execute("ALTER TABLE old ADD COLUMN added_in xid8 NOT NULL DEFAULT pg_current_xact_id()")
    assert execute("SELECT pg_relation_filenode('old')") == before
    assert execute("SELECT count(DISTINCT added_in) FROM old WHERE added_in < pg_current_xact_id()") == (1,)
    execute("DROP TABLE old")
