"""Databases with millions of decided returns in them, and equal copies for each thing that is measured."""

import os
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg

from . import servers, stock

# From here on CREATE DATABASE says how it copies; before, it copied files.
STRATEGY_SINCE = 150_000


class Stage(ABC):
    """A database server, or a folder of SQLite files, where databases of this process are made and dropped again.

    A database is named by a word; `url` is what DATABASE_URL says of it.
    """

    name: str

    @abstractmethod
    def url(self, database: str) -> str:
        """What names it to Django and to `psycopg.connect`."""

    @abstractmethod
    def create(self, database: str) -> None:
        """Make an empty one."""

    @abstractmethod
    def copy(self, source: str, database: str) -> None:
        """Make one that is equal to another, down to its pages; nobody may be connected to that."""

    @abstractmethod
    def drop(self, database: str) -> None:
        """Remove it, even while clients are connected."""

    @abstractmethod
    def fill(self, database: str, decided: int, now: datetime) -> None:
        """Add decided returns, paid ones and declined ones, to an empty one."""

    @abstractmethod
    def add(self, database: str, first: int, count: int, received_at: datetime) -> None:
        """Add pending returns; `first` numbers the first of them."""

    @contextmanager
    def stocked(self, database: str, decided: int, now: datetime) -> Iterator[str]:
        """A migrated database with so many decided returns, for as long as it is wanted."""
        self.create(database)
        try:
            migrate(self.url(database))
            self.fill(database, decided, now)
            yield database
        finally:
            self.drop(database)

    @contextmanager
    def copied(self, source: str, database: str) -> Iterator[str]:
        """An equal copy, for as long as it is wanted; its URL."""
        self.copy(source, database)
        try:
            yield self.url(database)
        finally:
            self.drop(database)

    @contextmanager
    def pending(self, source: str, database: str, first: int, count: int, received_at: datetime) -> Iterator[str]:
        """A copy with so many pending returns, to be copied in its turn."""
        with self.copied(source, database):
            self.add(database, first, count, received_at)
            yield database


class Postgres(Stage):
    """Databases of a PostgreSQL server."""

    name = "PostgreSQL"

    def __init__(self) -> None:
        self._server = servers.postgres()

    def url(self, database: str) -> str:
        return servers.database_url(f"refunds_bench_{os.getpid()}_{database}")

    def create(self, database: str) -> None:
        self._say(f"CREATE DATABASE {self._named(database)}")

    def copy(self, source: str, database: str) -> None:
        with psycopg.connect(self._server) as session:
            newer = session.info.server_version >= STRATEGY_SINCE
        how = " STRATEGY FILE_COPY" if newer else ""
        self._say(f"CREATE DATABASE {self._named(database)} TEMPLATE {self._named(source)}{how}")

    def drop(self, database: str) -> None:
        self._say(f"DROP DATABASE IF EXISTS {self._named(database)} WITH (FORCE)")

    def fill(self, database: str, decided: int, now: datetime) -> None:
        stock.fill_postgres(self.url(database), decided, now)

    def add(self, database: str, first: int, count: int, received_at: datetime) -> None:
        stock.add_postgres(self.url(database), first, count, received_at)

    def _named(self, database: str) -> str:
        return self.url(database).rpartition("/")[2]

    def _say(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as session:
            session.execute(statement.encode())


class Sqlite(Stage):
    """Files in a folder."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, database: str) -> Path:
        """Where it is."""
        return self._folder / f"{database}.sqlite3"

    def url(self, database: str) -> str:
        return f"sqlite:///{self.file(database)}"

    def create(self, database: str) -> None:
        self.file(database).touch()

    def copy(self, source: str, database: str) -> None:
        shutil.copy(self.file(source), self.file(database))
        # Otherwise the first writer waits until the disk has it.
        with self.file(database).open("rb") as made:
            os.fsync(made)

    def drop(self, database: str) -> None:
        for end in ("", "-wal", "-shm"):
            Path(f"{self.file(database)}{end}").unlink(missing_ok=True)

    def fill(self, database: str, decided: int, now: datetime) -> None:
        stock.fill_sqlite(str(self.file(database)), decided, now)

    def add(self, database: str, first: int, count: int, received_at: datetime) -> None:
        stock.add_sqlite(str(self.file(database)), first, count, received_at)


@contextmanager
def sqlite() -> Iterator[Sqlite]:
    """A folder that is removed again."""
    with tempfile.TemporaryDirectory(prefix="refunds-bench-") as folder:
        yield Sqlite(Path(folder))


# By name, what opens each.
PLACES: Final[dict[str, Callable[[], AbstractContextManager[Stage]]]] = {
    "PostgreSQL": lambda: nullcontext(Postgres()),
    "SQLite": sqlite,
}


def migrate(url: str) -> None:
    """Make the tables, as a deployment does."""
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "refunds.project.settings",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    subprocess.run([sys.executable, "-m", "refunds", "migrate", "-v0"], check=True, env=environment)
