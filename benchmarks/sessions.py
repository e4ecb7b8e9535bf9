"""Sessions of either database, for what a benchmark says and asks itself, past Django."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg

from .measure import Real

Session = psycopg.Connection | sqlite3.Connection


def connect(url: str) -> Session:
    """A session without a transaction, set up as Django sets up its own."""
    if url.startswith("postgres"):
        return psycopg.connect(url, autocommit=True)
    session = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        session.execute(f"PRAGMA {pragma}")
    return session


def ask(session: Session, statement: str) -> tuple[object, ...]:
    """The first row of the answer, empty without one."""
    said = (
        session.execute(statement) if isinstance(session, sqlite3.Connection) else session.execute(statement.encode())
    )
    return tuple(said.fetchone() or ()) if said.description else ()


def ask_once(url: str, statement: str) -> tuple[object, ...]:
    """The same over a session of its own."""
    session = connect(url)
    try:
        return ask(session, statement)
    finally:
        session.close()


def transaction(url: str, statements: Sequence[str], now: datetime, first: int = 0) -> float:
    """Seconds of a transaction of these statements, in which `{at}` is `now` (aware), `{first}` an id."""
    at = now.isoformat() if url.startswith("postgres") else now.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
    session = connect(url)
    try:
        ask(session, "SELECT 1")
        began = Real.clock()
        ask(session, "BEGIN")
        for statement in statements:
            ask(session, statement.format(at=at, first=first))
        ask(session, "COMMIT")
        return Real.clock() - began
    finally:
        session.close()
