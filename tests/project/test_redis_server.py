"""The embedded Redis, as clients, Celery and the limiter see it over TCP."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from kombu import Connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from celery_app import app
from refunds.project.embedded.redis_server import RedisServer
from refunds.rate.limiter import Throttle
from refunds.rate.pacing import Rate
from refunds.tasks import reconcile


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Yield a running server."""
    with RedisServer() as running:
        yield running


@pytest.fixture(params=[2, 3], ids=["RESP 2", "RESP 3"])
def client(request: pytest.FixtureRequest, server: RedisServer) -> Iterator[redis.Redis]:
    """Yield a client by either protocol: HELLO switches the connection that sent it, and no other."""
    with redis.Redis(port=server.port, protocol=request.param, single_connection_client=True) as connected:
        yield connected


def test_server_listens_only_on_this_machine(server: RedisServer) -> None:
    """The address is the loopback's, the port a free one. A second server on the port is an OSError at once."""
    assert server.url(1) == f"redis://127.0.0.1:{server.port}/1"
    assert server.port > 0
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(OSError, match="in use"):
        RedisServer(server.port)


def test_server_keeps_what_it_is_given(server: RedisServer, client: redis.Redis) -> None:
    """Strings, bytes with line breaks, numbers, lists, hashes and scores come back as they went in, and 20 MB whole.

    Broker and result backend share a server and no keys.
    """
    large = b"0123456789" * 2_000_000
    client.set("text", b"a\r\nb\x00")
    client.set("large", large)  # more than the socket's buffer
    client.rpush("list", "x", "", "z")
    client.hset("hash", mapping={"k": "v"})
    client.zadd("scores", {"m": 1.5})
    assert client.get("text") == b"a\r\nb\x00"
    assert client.get("large") == large
    assert client.incr("count") == 1
    assert client.lrange("list", 0, -1) == [b"x", b"", b"z"]
    assert (client.hgetall("hash"), client.hgetall("nothing")) == ({b"k": b"v"}, {})
    assert client.zscore("scores", "m") == 1.5
    assert (client.get("nothing"), client.smembers("nothing")) == (None, set())
    with redis.Redis(port=server.port, db=1) as other:
        assert other.get("text") is None


def test_connection_outlives_errors_and_strangers(server: RedisServer, client: redis.Redis) -> None:
    """After NOSCRIPT, an unknown command and a wrong type, the same connection goes on.

    A client that does not speak Redis gets an error and is disconnected. Others stay connected.
    """
    client.set("key", "text")
    (before,) = server.clients
    with pytest.raises(redis.exceptions.NoScriptError):
        client.evalsha("0" * 40, 0)
    with pytest.raises(redis.ResponseError, match="unknown command"):
        client.execute_command("NOSUCH")  # type: ignore[no-untyped-call]  # redis has no types for it
    with pytest.raises(redis.ResponseError, match=r"^WRONGTYPE"):
        client.lpush("key", "item")
    assert list(server.clients) == [before]
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b"".join(iter(lambda: stranger.recv(4096), b"")).startswith(b"-ERR ")
    assert client.get("key") == b"text"


def test_scripts_and_transactions_run(client: redis.Redis) -> None:
    """kombu and locks run scripts: a script answers, and is known by its hash afterwards.

    MULTI and EXEC answer each command separately, errors included.
    """
    script = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert [script(keys=["n"], args=[number]) for number in (2, 3)] == [2, 5]
    client.set("key", "text")
    with client.pipeline(transaction=True) as pipe:
        pipe.set("a", 1)
        pipe.lpush("key", "item")
        pipe.get("a")
        done, failure, read = pipe.execute(raise_on_error=False)
    assert (done, read) == (True, b"1")
    assert isinstance(failure, redis.ResponseError)


def test_blocked_pop_wakes_on_a_push_or_gives_up(server: RedisServer, client: redis.Redis) -> None:
    """BRPOP waits in the server, and answers when another client pushes, or with nothing after its timeout."""
    assert client.brpop(["queue"], timeout=0.01) is None
    popped: list[Any] = []
    with redis.Redis(port=server.port) as waiting:
        thread = threading.Thread(target=lambda: popped.append(waiting.brpop(["queue"], timeout=30)))
        thread.start()
        client.lpush("queue", "message")
        thread.join(10)
    assert [tuple(pair) for pair in popped] == [(b"queue", b"message")]


def test_published_message_reaches_subscribers(server: RedisServer, client: redis.Redis) -> None:
    """Subscribers by name and by pattern get a message without asking for it."""
    with redis.Redis(port=server.port) as listener, listener.pubsub() as pubsub:
        pubsub.subscribe("news")
        pubsub.psubscribe("ne*")
        assert [pubsub.get_message(timeout=10)["type"] for _ in range(2)] == ["subscribe", "psubscribe"]
        assert client.publish("news", "hello") == 2
        got = [pubsub.get_message(timeout=10) for _ in range(2)]
    assert {(m["type"], m["channel"], m["data"]) for m in got} == {
        (kind, b"news", b"hello") for kind in ("message", "pmessage")
    }


def test_end_leaves_nothing_behind() -> None:
    """Leaving the block closes the port and ends every thread, also of clients that are still connected."""
    before = threading.enumerate()
    with RedisServer() as server:
        client = redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0))
        client.ping()
    assert threading.enumerate() == before
    with pytest.raises(redis.ConnectionError):
        client.ping()
    client.close()


def test_flushed_redis_still_gets_messages(server: RedisServer) -> None:
    """With a topic exchange, the bindings would be gone, and each message silently lost."""
    with Connection(server.url(0)) as connection, redis.Redis(port=server.port) as client:
        producer = app.amqp.Producer(connection)
        for _ in range(2):
            client.flushall()
            reconcile.apply_async(producer=producer)
            assert client.llen("reconciling") == 1


def test_workers_share_the_permits_that_a_redis_counts(server: RedisServer) -> None:
    """Of two connections the second finds what the first has left: nothing, for most of an hour."""
    one, other = (Throttle(Rate.parse("2/h"), server.url()) for _ in range(2))
    assert [one.take(), other.take(), one.take(), other.take()] == [True, True, False, False]
