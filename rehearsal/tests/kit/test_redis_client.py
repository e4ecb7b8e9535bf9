"""The short way to a fake Redis answers as the long one does."""

from __future__ import annotations

import gc
from importlib import metadata
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fakeredis
import pytest
import redis
import redis.utils
from celery_rehearsal import VirtualCelery
from celery_rehearsal.redis_client import Client
from redis.exceptions import NoScriptError, ResponseError, WatchError

from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

SERVERS: dict[str, Callable[[], Any]] = {
    "short": lambda: Client(fakeredis.FakeServer()),
    "long": lambda: fakeredis.FakeStrictRedis(server=fakeredis.FakeServer()),
}


@pytest.fixture(params=SERVERS)
def client(request: pytest.FixtureRequest) -> Any:
    """Each test runs on the kit's client and on redis-py's own."""
    return SERVERS[request.param]()


def test_answers_are_parsed(client: Any) -> None:
    """Texts, bytes, numbers and two-word commands go in; what comes out is what redis-py makes of it."""
    assert client.lpush("list", "à", b"\xff", 7) == 3
    assert client.lrange("list", 0, -1) == [b"7", b"\xff", "à".encode()]
    client.zadd("set", {"one": 1.5})
    assert [tuple(pair) for pair in client.zrange("set", 0, -1, withscores=True)] == [(b"one", 1.5)]
    assert client.get("nothing") is None
    assert client.client_setname("me") is True


def test_errors_are_raised(client: Any) -> None:
    """A command that fails raises, alone and in a transaction, and the next one gets its own answer."""
    client.set("text", "a")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        client.lpush("text", "b")
    with client.pipeline() as pipe, pytest.raises(ResponseError, match="WRONGTYPE"):
        pipe.lpush("text", "b").execute()
    with pytest.raises(NoScriptError):
        client.evalsha("0" * 40, 0)
    assert client.get("text") == b"a"


def test_a_transaction_answers_in_order(client: Any) -> None:
    """One list of answers; the pipeline can be used again, and has forgotten what it did."""
    with client.pipeline() as pipe:
        assert pipe.set("one", 1).hset("two", "a", "b").get("one").execute() == [True, 1, b"1"]
        assert pipe.delete("one").execute() == [1]
        assert pipe.execute() == []


def test_a_watched_key_stops_a_transaction(client: Any) -> None:
    """As kombu restores a message: a transaction fails after another client has changed its key."""
    with client.pipeline() as pipe:
        pipe.watch("key")
        client.set("key", "another's")
        pipe.multi()
        pipe.set("key", "mine")
        with pytest.raises(WatchError):
            pipe.execute()
    assert client.get("key") == b"another's"


def test_scripts_run(client: Any) -> None:
    """A script that the server does not know yet is loaded on the way, alone and in a pipeline."""
    script = client.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
    assert script(keys=["n"], args=[2]) == 2
    with client.pipeline() as pipe:
        script(keys=["n"], args=[3], client=pipe)
        assert pipe.execute() == [5]


def test_a_cluster_asks_once_for_the_version_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """redis-py reads its metadata for each client, in a millisecond; clusters keep the answer, and redis-py its own."""
    asked: list[str] = []

    def tell(package: str) -> str:
        asked.append(package)
        return version(package)

    monkeypatch.setattr(metadata, "version", tell)
    ask = getattr(redis.utils, "get_lib_version", None)
    for _ in range(2):
        with VirtualCelery(make_app(), start=NOON, transport="fakeredis"):
            pass
    assert asked.count("redis") <= 1
    assert getattr(redis.utils, "get_lib_version", None) is ask


def test_a_client_of_a_channels_pool_reaches_the_fake_server(app: Celery) -> None:
    """An app's own channel class makes clients of `pool`, as kombu's does."""
    with VirtualCelery(app, start=NOON, transport="fakeredis", workers=0) as celery:
        app.tasks["note"].delay()
        with app.connection_for_read() as connection:
            channel: Any = connection.default_channel
            assert redis.Redis(connection_pool=channel.pool).llen("celery") == 1
        assert len(celery.pending().queued) == 1


def test_a_cluster_leaves_no_descriptor_to_the_garbage_collector() -> None:
    """A long suite collects seldom, and select() takes no more than 1024 of them."""
    gc.collect()
    gc.disable()
    try:
        # What the first one imports can stay open, as a source of randomness.
        first, second = [_descriptors_after_a_cluster() for _ in range(2)]
    finally:
        gc.enable()
    assert second <= first


def _descriptors_after_a_cluster() -> int:
    with VirtualCelery(make_app(), start=NOON):
        pass
    return len(list(Path("/dev/fd").iterdir()))
