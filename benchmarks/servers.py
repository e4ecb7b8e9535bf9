"""The servers that a benchmark runs on: those of this machine, or those that REFUNDS_TEST_* name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from .report import Skipped

REDIS = os.environ.get("REFUNDS_TEST_REDIS", "redis://localhost:6379")
POSTGRES = os.environ.get("REFUNDS_TEST_POSTGRES", "postgres://postgres@localhost:5432/postgres")
# Redis has so many databases unless it is told otherwise.
DATABASES = 16
TAKEN = "refunds-benchmark"


def postgres() -> str:
    """The URL of a server that answers. Raises Skipped."""
    try:
        import psycopg
    except ImportError as error:
        raise Skipped("no client of PostgreSQL: install refunds[postgres]") from error
    try:
        psycopg.connect(POSTGRES, connect_timeout=3).close()
    except psycopg.Error as error:
        raise Skipped(
            f"no PostgreSQL ({str(error).strip()}): start one, or name it in REFUNDS_TEST_POSTGRES"
        ) from error
    return POSTGRES


def database_url(name: str) -> str:
    """The URL of another database on the same server."""
    return urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()


@contextmanager
def redis() -> Iterator[str]:
    """The URL of a Redis database that was empty but for our claim, and is emptied again. Raises Skipped."""
    import redis as client

    base = REDIS.rstrip("/")
    try:
        for number in reversed(range(DATABASES)):
            url = f"{base}/{number}"
            with client.Redis.from_url(url, socket_connect_timeout=3) as session:
                # What says that it is taken; another benchmark then takes the next.
                if session.dbsize() == 0 and session.set(TAKEN, os.getpid(), nx=True):
                    break
        else:
            raise Skipped(f"no database of {base} is empty: name another Redis in REFUNDS_TEST_REDIS")
    except client.RedisError as error:
        raise Skipped(f"no Redis ({error}): start one, or name it in REFUNDS_TEST_REDIS") from error
    try:
        yield url
    finally:
        with client.Redis.from_url(url) as session:
            session.flushdb()
