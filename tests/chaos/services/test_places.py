"""Each place on a server is its own, and gone afterwards, also when what was done there went wrong."""

from contextlib import suppress
from pathlib import Path

import kombu
import psycopg
import pytest
import redis

from . import servers
from .site import Kind, site

pytestmark = pytest.mark.services


class Broken(Exception):
    """What goes wrong."""


def available(name: str) -> None:
    if lack := servers.lack(name):
        pytest.skip(lack)


def test_keys_of_a_prefix_are_deleted() -> None:
    """In each database that is used, and no key of anybody else's."""
    available("redis")
    clients = [redis.Redis.from_url(f"{servers.REDIS.rstrip('/')}/{number}") for number in range(servers.DATABASES)]
    with servers.key_prefix() as other:
        clients[0].set(f"{other}kept", 1)
        with suppress(Broken), servers.key_prefix() as prefix:
            for client in clients:
                client.set(f"{prefix}key", 1)
            raise Broken
        assert [client.keys(f"*{prefix}*") for client in clients] == [[]] * servers.DATABASES
        assert clients[0].exists(f"{other}kept")
    for client in clients:
        client.close()


def test_a_virtual_host_is_deleted() -> None:
    """With the queues in it."""
    available("rabbitmq")
    with suppress(Broken), servers.virtual_host() as (name, url):
        with kombu.Connection(url) as connection:
            connection.SimpleQueue("held").put("1")
        assert name in servers.rabbitmqctl("list_vhosts", "--silent")
        raise Broken
    assert name not in servers.rabbitmqctl("list_vhosts", "--silent")


def test_a_database_is_dropped() -> None:
    """While somebody is still connected to it."""
    available("postgres")
    with suppress(Broken), servers.database() as url:
        left = psycopg.connect(url)
        raise Broken
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)
    left.close()


def test_servers_of_ones_own_end_with_the_site(tmp_path: Path) -> None:
    """Their processes, and their folders."""
    kind = Kind("redis", "postgres", own=True)
    if lack := kind.lacks():
        pytest.skip(lack)
    with suppress(Broken), site(kind, tmp_path) as made:
        running = [server for server in (made.redis, made.postgres) if server and server.listens()]
        raise Broken
    assert len(running) == 2
    assert [server.listens() for server in running] == [False, False]
    assert [server.folder.exists() for server in running] == [False, False]


@pytest.mark.parametrize("name", ["redis", "rabbitmq", "postgres"])
def test_a_server_that_is_away_is_a_reason(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the variable that says where the server is."""
    monkeypatch.setattr(servers, "REDIS", "redis://127.0.0.1:1")
    monkeypatch.setattr(servers, "RABBITMQ", "amqp://127.0.0.1:1")
    monkeypatch.setattr(servers, "POSTGRES", "postgres://127.0.0.1:1/test")
    assert servers.lack(name).endswith(f"start one, or say in REFUNDS_TEST_{name.upper()} where it is")
