"""Rows by the million, by the database's own means: decided returns with their refunds and credits, and pending ones.

Written past the models, but held by every constraint: foreign keys are taken away for the while and validated when
they come back.
"""

import sqlite3
from datetime import datetime, timedelta
from typing import Final, LiteralString

import psycopg

# Of every ten decided returns three are declined; the rest are approved, and paid by the wallet.
COLUMNS: Final[LiteralString] = """key, order_line, quantity, amount_minor, currency, reason, customer, customer_email,
    payment, requested_at, received_at, status, decided_at, decision_note, sweep_id, own_refund_id"""
VALUES: Final[LiteralString] = """{key}, n / 2 || '/' || (n % 2 + 1), n % 3 + 1, n % 25000 + 199,
    CASE n % 3 WHEN 0 THEN 'EUR' WHEN 1 THEN 'GBP' ELSE 'UAH' END, 'too small', 'c-' || n, '', '', {at}, {at}"""
DECIDED: Final[LiteralString] = (
    f"INSERT INTO refunds_returnrequest (id, {COLUMNS}) SELECT n, {VALUES}, "
    "CASE WHEN n % 10 < 3 THEN 'declined' ELSE 'approved' END, {at}, '', CASE WHEN n % 10 < 3 THEN 2 ELSE 1 END, "
    "CASE WHEN n % 10 < 3 THEN NULL ELSE n END FROM {numbers}"
)
REFUNDS: Final[LiteralString] = """INSERT INTO refunds_refund (request_id, amount_minor, currency, status, created_at,
    attempts, first_attempt_at, due_at, dispatched_at, settled_at, receipt, failure)
    SELECT id, amount_minor, currency, 'succeeded', decided_at, 1, decided_at, decided_at, decided_at, decided_at,
    'wallet:' || id, '' FROM refunds_returnrequest WHERE status = 'approved'"""
CREDITS: Final[LiteralString] = """INSERT INTO refunds_walletentry (refund_id, customer, amount_minor, currency)
    SELECT id, customer, amount_minor, currency FROM refunds_returnrequest WHERE status = 'approved'"""
PENDING: Final[LiteralString] = (
    f"INSERT INTO refunds_returnrequest ({COLUMNS}) SELECT {VALUES}, 'requested', NULL, '', NULL, NULL FROM {{numbers}}"
)
SWEEPS: Final[LiteralString] = """INSERT INTO refunds_sweep (id, kind, key, scheduled_for, up_to_id, received_from,
    received_before, started_at, expires_at, planned_at, closed_at, "left", dispatched_at) VALUES
    (1, 'approve', 'stock', NULL, 0, {at}, NULL, {at}, {at}, {at}, {at}, 0, {at}),
    (2, 'decline', NULL, {at}, 0, NULL, {at}, {at}, NULL, {at}, {at}, 0, {at})"""
# The decided ones are from so long ago.
AGE: Final = timedelta(days=30)


def fill_postgres(url: str, decided: int, now: datetime) -> None:
    """Add so many decided returns to an empty database."""
    with psycopg.connect(url, autocommit=True) as session:
        keys = session.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
        ).fetchall()
        for table, name, _ in keys:
            session.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
        for statement in (SWEEPS, DECIDED, REFUNDS, CREDITS):
            session.execute(_for_postgres(statement, 1, decided, now - AGE))
        session.execute("SELECT setval(pg_get_serial_sequence('refunds_sweep', 'id'), 2)")
        session.execute("SELECT setval(pg_get_serial_sequence('refunds_returnrequest', 'id'), %s)", (max(1, decided),))
        for table, name, definition in keys:
            session.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}'.encode())
        session.execute("VACUUM ANALYZE")


def add_postgres(url: str, first: int, count: int, received_at: datetime) -> None:
    """Add so many pending returns, whose keys no others have that begin elsewhere."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(_for_postgres(PENDING, first, first + count - 1, received_at, apart=True))
        session.execute("VACUUM ANALYZE refunds_returnrequest")


def _for_postgres(statement: LiteralString, first: int, last: int, at: datetime, *, apart: bool = False) -> bytes:
    # Keys as long and as scattered as those of imports, which are hashes. Instants `apart` differ: PostgreSQL plans by
    # how many different values there are.
    return statement.format(
        key="md5(n::text) || md5('x' || n)",
        at=f"timestamptz '{at.isoformat()}'" + f" - ({last} - n) * interval '1 microsecond'" * apart,
        numbers=f"generate_series({first}, {last}) n",
    ).encode()


def fill_sqlite(file: str, decided: int, now: datetime) -> None:
    """Add so many decided returns to an empty database."""
    with _sqlite(file) as session:
        for statement in (SWEEPS, DECIDED, REFUNDS, CREDITS):
            session.execute(_for_sqlite(statement, 1, decided, now - AGE))
    session.close()


def add_sqlite(file: str, first: int, count: int, received_at: datetime) -> None:
    """Add so many pending returns, whose keys no others have that begin elsewhere."""
    with _sqlite(file) as session:
        session.execute(_for_sqlite(PENDING, first, first + count - 1, received_at))
    session.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    session.close()


def _sqlite(file: str) -> sqlite3.Connection:
    session = sqlite3.connect(file)
    # Keys come scattered: without room for their whole index each of them is a page read and written.
    session.execute("PRAGMA cache_size = -4000000")
    session.execute("PRAGMA synchronous = OFF")
    # Hexadecimal, as imports' keys; the number keeps them apart, and its product with a large prime scatters them.
    session.create_function(
        "scattered", 1, lambda n: f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}".ljust(64, "0"), deterministic=True
    )
    return session


def _for_sqlite(statement: LiteralString, first: int, last: int, at: datetime) -> str:
    return statement.format(
        key="scattered(n)",
        at=f"'{at.replace(tzinfo=None).isoformat(sep=' ')}'",
        numbers=f"(WITH RECURSIVE count(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM count WHERE n < {last}) "
        "SELECT n FROM count)",
    )
