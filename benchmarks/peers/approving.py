"""How all that do not use the ORM approve a return: by one statement, over a connection that is kept."""

import os
import threading
from datetime import UTC, datetime

import psycopg

# Decided rows name a sweep. These ways have none of their own: it is that of the approvals in the stock.
SWEEP = 1
# The writes of refunds.queries for one row, one after the other in one statement, and so in one transaction.
STATEMENT = f"""
    WITH approved AS (
        UPDATE refunds_returnrequest
        SET status = 'approved', decided_at = %(now)s, sweep_id = {SWEEP}, own_refund_id = id
        WHERE id = %(pk)s AND status = 'requested'
        RETURNING id, amount_minor, currency
    )
    INSERT INTO refunds_refund (request_id, amount_minor, currency, status, created_at, attempts, due_at,
        dispatched_at, receipt, failure)
    SELECT id, amount_minor, currency, 'pending', %(now)s, 0, %(now)s, %(now)s, '', '' FROM approved
"""
PENDING = "SELECT id FROM refunds_returnrequest WHERE status = 'requested' AND id <= %s ORDER BY id"

_kept = threading.local()


def connection() -> psycopg.Connection:
    """This thread's connection to the database that DATABASE_URL names, made when it is first wanted."""
    if not hasattr(_kept, "connection"):
        _kept.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    return _kept.connection  # type: ignore[no-any-return]  # attributes of a local are untyped


def approve(pk: int) -> None:
    """Approve one return, unless it is decided, and owe its refund."""
    connection().execute(STATEMENT.encode(), {"pk": pk, "now": datetime.now(UTC)})


def pending(up_to_id: int) -> list[int]:
    """The ids of the returns to decide."""
    return [pk for (pk,) in connection().execute(PENDING.encode(), (up_to_id,))]
