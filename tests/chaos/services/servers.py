"""The servers that a machine has, and a place on each that nobody else uses and that is gone afterwards."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

REDIS = os.environ.get("REFUNDS_TEST_REDIS", "redis://localhost:6379")
RABBITMQ = os.environ.get("REFUNDS_TEST_RABBITMQ", "amqp://guest:guest@localhost:5672")
POSTGRES = os.environ.get("REFUNDS_TEST_POSTGRES", "postgres://postgres@localhost:5432/test")
# Of Redis, from 0 on: messages, results, RedBeat's schedule.
DATABASES = 3
# Seconds to find out that nobody answers.
PATIENCE = 3
# Seconds that a tool of RabbitMQ may take; it starts a virtual machine of its own.
LONG = 60


def lack(server: str) -> str:
    """Why tests cannot use it: `redis`, `rabbitmq` or `postgres`; empty where they can."""
    try:
        {"redis": _redis_answers, "rabbitmq": _rabbitmq_answers, "postgres": _postgres_answers}[server]()
    except Exception as error:  # each client has errors of its own, and any of them is a reason
        name = f"REFUNDS_TEST_{server.upper()}"
        return f"{server} is not to be used ({str(error).strip()}): start one, or say in {name} where it is"
    return ""


def _redis_answers() -> None:
    import redis

    with redis.Redis.from_url(REDIS, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE) as client:
        client.ping()


def _rabbitmq_answers() -> None:
    import kombu

    with kombu.Connection(RABBITMQ, connect_timeout=PATIENCE) as connection:
        connection.connect()
    # A virtual host of one's own is made by a tool of the server's.
    rabbitmqctl("list_vhosts", "--silent")


def _postgres_answers() -> None:
    import psycopg

    with psycopg.connect(POSTGRES, connect_timeout=PATIENCE):
        pass


def rabbitmqctl(*arguments: str) -> str:
    """What RabbitMQ's own tool says. Raises RuntimeError for one that is missing or refuses."""
    tool = shutil.which("rabbitmqctl") or shutil.which("rabbitmqctl", path="/usr/sbin:/usr/local/sbin")
    if tool is None:
        raise RuntimeError("rabbitmqctl is not on the path")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=LONG, check=False)
    if done.returncode:
        raise RuntimeError(f"rabbitmqctl {arguments[0]}: {(done.stderr or done.stdout).strip()[:300]}")
    return done.stdout


def _name() -> str:
    return f"refunds-test-{uuid.uuid4().hex[:12]}"


@contextmanager
def key_prefix() -> Iterator[str]:
    """A prefix for keys of Redis, in its first three databases; what has it is deleted afterwards."""
    import redis

    prefix = f"{_name()}:"
    try:
        yield prefix
    finally:
        for number in range(DATABASES):
            with redis.Redis.from_url(f"{REDIS.rstrip('/')}/{number}") as client:
                for key in client.scan_iter(f"*{prefix}*", count=1000):
                    client.delete(key)


@contextmanager
def virtual_host() -> Iterator[tuple[str, str]]:
    """A virtual host of RabbitMQ: its name and its URL."""
    name, parts = _name(), urlsplit(RABBITMQ)
    rabbitmqctl("add_vhost", name)
    try:
        rabbitmqctl("set_permissions", "--vhost", name, parts.username or "guest", ".*", ".*", ".*")
        yield name, urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        rabbitmqctl("delete_vhost", name)


@contextmanager
def database(template: str = "") -> Iterator[str]:
    """The URL of a database of PostgreSQL: an empty one, or a copy of another by its name."""
    import psycopg
    from psycopg import sql

    name = _name()
    create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        create += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(create)
    try:
        yield urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
