"""What a return costs from the file to the last refund.

Real processes: the import, the button's command, one worker on Redis, and a PostgreSQL server on this machine, where a
database is made for each measurement and dropped again. The rest of what the server does then counts too.
For Linux.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from . import servers
from .import_returns import write
from .measure import Real
from .processes import LOOK, Worker, cpu, parent, worker
from .report import Figure, Table
from .run import Options

ROWS = 100_000
CHILDREN = 2
FEW = 1_000
UNDONE = b"""SELECT EXISTS (SELECT FROM refunds_sweep WHERE closed_at IS NULL)
    OR EXISTS (SELECT FROM refunds_refund WHERE status = 'pending')
    OR EXISTS (SELECT FROM refunds_notices_notice WHERE due_at IS NOT NULL)"""
IMPORT, REFUND = "import", "approve, pay, tell"


@dataclass(frozen=True)
class Spent:
    """Seconds of the clock, of this project's processes and of the database's; bytes; messages that were run."""

    seconds: float
    ours: float
    database: float
    log: int
    disk: int
    messages: int


class Server:
    """The PostgreSQL server of a URL, and one database of it."""

    def __init__(self, url: str, name: str) -> None:
        self.url = urlsplit(url)._replace(path=f"/{name}").geturl()
        self._name = name
        self._session = psycopg.connect(url, autocommit=True)
        self._process = parent(self._session.info.backend_pid)

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection]:
        """A session of the database, made and dropped again; the server is not asked afterwards."""
        with self._session:
            self._session.execute(f"CREATE DATABASE {self._name}".encode())
            try:
                with psycopg.connect(self.url, autocommit=True) as session:
                    yield session
            finally:
                self._session.execute(f"DROP DATABASE {self._name} WITH (FORCE)".encode())

    def spent(self) -> tuple[float, int, int]:
        """Processor seconds of all its processes, bytes of write-ahead log, both so far; bytes of the database."""
        statement = f"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'), pg_database_size('{self._name}')"
        row = self._session.execute(statement.encode()).fetchone()
        assert row is not None  # noqa: S101  # a SELECT without FROM has one row
        return cpu(self._process), int(row[0]), int(row[1])


def measure(options: Options) -> Iterator[Table]:
    """What returns without addresses cost, and fewer of them; and a few whose customers are told.

    Raises Skipped where there is no PostgreSQL or no Redis.
    """
    url, rows = servers.postgres(), options.rows or ROWS
    few = min(FEW, rows)
    with servers.redis() as broker:
        for count in sorted({few, max(1, rows // 10), rows}):
            yield report(f"{count:,} returns", count, _spent(url, broker, count, addresses=False))
        yield report(f"{few:,} returns with addresses", few, _spent(url, broker, few, addresses=True))


def _spent(url: str, broker: str, rows: int, *, addresses: bool) -> dict[str, Spent]:
    """What each step cost, by its name."""
    server = Server(url, f"refunds_bench_{os.getpid()}_cost")
    with server.database() as session, tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "refunds.project.settings",
            "DATABASE_URL": server.url,
            "CELERY_BROKER_URL": broker,
            "DJANGO_EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        file = Path(folder) / "returns.csv"
        write(file, rows, addresses=addresses)
        _refunds(environment, "migrate", "-v0")
        with worker(environment, CHILDREN) as running:
            return {
                IMPORT: _step(server, running, lambda: _refunds(environment, "import_returns", str(file))),
                REFUND: _step(server, running, lambda: _refund_all(environment, session, running)),
            }


def _refund_all(environment: Mapping[str, str], session: psycopg.Connection, running: Worker) -> None:
    _refunds(environment, "approve_all")
    while session.execute(UNDONE).fetchone() == (True,):
        running.check()
        time.sleep(LOOK)


def _step(server: Server, running: Worker, act: Callable[[], None]) -> Spent:
    messages = running.messages() or 0
    before, was, began = _ours(running), server.spent(), Real.clock()
    act()
    seconds, now, after = Real.clock() - began, server.spent(), _ours(running)
    database, log, disk = (new - old for new, old in zip(now, was, strict=True))
    return Spent(seconds, after - before, database, int(log), int(disk), (running.messages() or 0) - messages)


def _ours(running: Worker) -> float:
    """Processor seconds of the worker and of the commands so far."""
    commands = resource.getrusage(resource.RUSAGE_CHILDREN)
    return running.cpu + commands.ru_utime + commands.ru_stime


def _refunds(environment: Mapping[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "refunds", *arguments]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def report(title: str, rows: int, found: Mapping[str, Spent]) -> Table:
    """What 1,000 of so many rows cost in each step."""
    thousands = rows / 1_000
    figures = [
        Figure(
            name,
            [spent.seconds],
            more={
                "returns/s": f"{rows / spent.seconds:,.0f}",
                "our CPU": f"{spent.ours / thousands:.3f} s",
                "database CPU": f"{spent.database / thousands:.3f} s",
                "write-ahead log": f"{spent.log / thousands / 2**10:,.0f} KiB",
                "disk": f"{spent.disk / thousands / 2**10:,.0f} KiB",
                "messages": f"{spent.messages / thousands:,.1f}",
            },
        )
        for name, spent in found.items()
    ]
    return Table(
        title, figures, f"One worker of {CHILDREN} children; all but the first two columns are of 1,000 returns."
    )
