"""Plans that a persistent connection to PostgreSQL would keep from a time when the tables were small."""

import pytest
from django.db import connection

from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Status
from refunds.domain.sweeps import IdRange
from refunds.gateways.wallet import Wallet
from refunds.models import Refund, WalletEntry
from refunds.operations.bulk_payments import pay_refunds

from ..factories import NOON, make_requests

pytestmark = pytest.mark.django_db
# PostgreSQL plans each of the first five checks alone, and keeps the plan of the sixth. It likes to read a table of
# a few pages as much as its index.
FEW, MANY = 10, 3_000


def approve_and_pay(count: int) -> None:
    """With all foreign keys checked, as a commit would."""
    rows = make_requests(count, status=Status.APPROVED)
    connection.check_constraints()
    assert pay_refunds(IdRange(rows[0].pk, rows[-1].pk), NOON, gateway=Wallet()) == count
    connection.check_constraints()


def forget_pages(*tables: str) -> None:
    """Have PostgreSQL plan for tables without a page, whatever earlier tests left; rolled back with the test."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
            cursor.execute(f"ANALYZE {', '.join(tables)}")


def rows_read(table: str) -> int:
    """How many rows of the table this transaction has read from end to end so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = %s", [table])
        return int(cursor.fetchone()[0])


def test_foreign_keys_of_a_grown_table_are_checked_by_an_index() -> None:
    """Each check of a foreign key reads all of a table of one page, and never all of a table that has grown."""
    forget_pages("refunds_returnrequest", "refunds_refund", "refunds_walletentry")
    approve_and_pay(FEW)
    approve_and_pay(MANY)
    assert Refund.objects.filter(status=RefundStatus.SUCCEEDED).count() == WalletEntry.objects.count() == FEW + MANY
    if connection.vendor == "postgresql":
        for table in ("refunds_returnrequest", "refunds_refund"):
            assert rows_read(table) < 20 * MANY, table
