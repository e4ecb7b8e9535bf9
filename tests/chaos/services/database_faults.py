"""What may happen between a deployment in use and a PostgreSQL of its own."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from refunds import queries
from refunds.domain import sweeps
from refunds.models import ReturnRequest

from .own import Postgres
from .stage import LOOK, Stage

Connection = psycopg.Connection[Any]
# Seconds that a task is given to come to a row that is held: time for a worker to start.
PATIENCE = 15.0


def cut_connections(stage: Stage) -> str:
    """Every connection to the database is ended by the server."""
    with _beside(stage) as other:
        return f"{_cut(other)} connections to PostgreSQL cut"


def _cut(other: Connection) -> int:
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    (cut,) = other.execute(f"SELECT count(pg_terminate_backend(pid)) {others}").fetchone() or (0,)
    return int(cut)


def restart_postgres(stage: Stage) -> str:
    """PostgreSQL is stopped, or crashes, and is back after a while."""
    by = stage.draw.choice((signal.SIGINT, signal.SIGQUIT))
    _postgres(stage).stop(by)
    Event().wait(stage.draw.uniform(0, 1))
    _postgres(stage).start()
    return f"PostgreSQL ended by {by.name} and back"


def deadlock(stage: Stage) -> str:
    """A task that decides a chunk meets somebody who locks the same rows the other way round, and gives way.

    PostgreSQL ends the one that closes the circle. So that this is the task, it is held up on its way to the last row
    by a third one, until the other waits for its first.
    """
    before = _postgres(stage).said("deadlock detected")
    first, middle, last = _rows_of_a_chunk(stage)
    with ExitStack() as stack:
        other, third = stack.enter_context(_beside(stage)), stack.enter_context(_beside(stage))
        waiting = Thread(target=_lock, args=(other, first))
        with other.transaction():
            other.execute("SET LOCAL deadlock_timeout = '60s'")
            _lock(other, last)
            with third.transaction():
                _lock(third, middle)
                stage.press()
                if _somebody_waits(third, third):
                    waiting.start()
                    _somebody_waits(third, other, _waits)
            if waiting.ident is not None:
                waiting.join()
    return f"{_postgres(stage).said('deadlock detected') - before} deadlocks"


def serialization(stage: Stage) -> str:
    """Under repeatable read a task finds a row changed since it began, and has to begin again."""
    before = _postgres(stage).said("could not serialize access")
    name = settings.DATABASES["default"]["NAME"]
    _, _, last = _rows_of_a_chunk(stage)
    with _beside(stage) as other:
        other.execute(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'")
        # It is for new connections, and a worker keeps its own.
        _cut(other)
        connection.close()
        try:
            with other.transaction():
                other.execute("UPDATE refunds_returnrequest SET reason = 'seen' WHERE id = %s", [last])
                stage.press()
                _somebody_waits(other, other)
            stage.pass_by(0.2)
        finally:
            other.execute(f'ALTER DATABASE "{name}" RESET default_transaction_isolation')
            _cut(other)
    connection.close()
    return f"{_postgres(stage).said('could not serialize access') - before} serialization errors"


def _rows_of_a_chunk(stage: Stage) -> list[int]:
    """Three rows, rising, that one task will probably decide: the last ones of those that wait."""
    stage.receive(sweeps.CHUNK_ROWS)
    rows = ReturnRequest.objects.filter(queries.REQUESTED).order_by("-pk").values_list("pk", flat=True)
    return sorted(stage.insist(lambda: list(rows[:3])))


def _lock(holder: Connection, row: int) -> None:
    holder.execute("SELECT id FROM refunds_returnrequest WHERE id = %s FOR UPDATE", [row])


# Not pg_stat_activity, of which a transaction sees one state throughout.
_BLOCKS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid))"
_waits = "SELECT cardinality(pg_blocking_pids(%s))"


def _somebody_waits(asking: Connection, holder: Connection, query: str = _BLOCKS) -> bool:
    """Whether somebody has come to wait for the holder's rows, or, by the other query, the holder for somebody."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        (count,) = asking.execute(query, [holder.info.backend_pid]).fetchone() or (0,)
        if count:
            return True
        Event().wait(LOOK)
    return False


@contextmanager
def _beside(stage: Stage) -> Iterator[Connection]:
    """A connection of somebody else's."""
    with psycopg.connect(stage.site.database_url, autocommit=True) as other:
        yield other


def _postgres(stage: Stage) -> Postgres:
    assert stage.site.postgres, "a PostgreSQL of its own is what can be stopped"
    return stage.site.postgres
