"""Clients that the app makes by URL work on the cluster's own Redis, and others are refused."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
from celery_rehearsal import BadUseError, RealWorldError, VirtualCelery
from redis import asyncio as redis_asyncio

from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery

MAKERS: dict[str, Any] = {
    "url": lambda app: redis.Redis.from_url(app.conf.broker_url, decode_responses=True),
    "host": lambda _app: redis.Redis(host="broker.invalid", decode_responses=True),
    "blocking pool": lambda app: redis.Redis(
        connection_pool=redis.BlockingConnectionPool.from_url(app.conf.broker_url, decode_responses=True)
    ),
    "results": lambda app: redis.Redis.from_url(app.conf.result_backend, decode_responses=True),
}


@pytest.fixture
def redis_app() -> Celery:
    return make_app()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("early", [True, False])
def test_a_lock_excludes_another_run(app: Celery, make: Any, early: bool) -> None:
    """The second of two workers waits for redis-py's lock in virtual time, on a client from before the cluster too."""
    before = make(app)
    spans: list[tuple[float, float]] = []

    @app.task(name="locked", shared=False)
    def locked() -> None:
        with (before if early else make(app)).lock("one", timeout=60):
            began = time.time()
            time.sleep(10)
            spans.append((began, time.time()))

    with VirtualCelery(app, start=NOON, workers=2) as celery:
        for _ in range(2):
            locked.delay()
        celery.run_until_idle()
    (_, first_ended), (second_began, _) = spans
    assert first_ended <= second_began < first_ended + 1
    assert not hasattr(before.connection_pool, "server")


def test_a_lock_of_a_killed_worker_ends_with_its_timeout(app: Celery) -> None:
    """A SIGKILL releases nothing: the lock is there until its own timeout."""

    @app.task(name="locked", shared=False)
    def locked() -> bool:
        lock = redis.Redis.from_url(app.conf.broker_url).lock("one", timeout=60, blocking=False)
        if lock.acquire():
            time.sleep(10)
            lock.release()
            return True
        return False

    with VirtualCelery(app, start=NOON, workers=2) as celery:
        locked.delay()
        celery.advance(seconds=1)
        celery.kill_worker("worker1")
        assert locked.delay().get() is False
        assert celery.redis().ttl("one") == 59
        celery.advance(seconds=60)
        assert locked.delay().get() is True


def test_the_cluster_gives_a_client(app: Celery) -> None:
    """On the broker, whose queues it sees, with a number of a database."""
    with VirtualCelery(app, start=NOON, workers=0) as celery:
        app.tasks["note"].delay()
        assert celery.redis().llen("celery") == 1
        celery.redis(db=3).set("a", "b")
        assert redis.Redis.from_url("redis://broker.invalid/3", decode_responses=True).get("a") == "b"
        assert celery.redis(db=3, decode_responses=True).get("a") == "b"
        assert celery.redis().get("a") is None


def test_without_a_redis_broker_the_client_is_on_the_results(app: Celery) -> None:
    """With RabbitMQ for a broker, the app's Redis is that of its results; without one there is no client."""
    app.conf.update(broker_url="amqp://broker.invalid//")
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay(5)
        celery.run_until_idle()
        assert len(celery.redis().keys("celery-task-meta-*")) == 1
    app.conf.update(result_backend="cache+memory://")
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(BadUseError, match="neither the app's broker nor"):
        celery.redis()


def test_another_host_is_refused(app: Celery) -> None:
    """A Redis that no setting names is a server like any other; so is the broker where "memory" stands for it."""
    with VirtualCelery(app, start=NOON), pytest.raises(RealWorldError, match=r"other\.invalid"):
        redis.Redis(host="other.invalid").get("a")
    with VirtualCelery(app, start=NOON, transport="memory"), pytest.raises(RealWorldError, match=r"broker\.invalid"):
        redis.Redis(host="broker.invalid").get("a")


def test_a_setting_of_ones_own_names_a_host(app: Celery) -> None:
    """As the URL that a library of locks reads, at any depth."""
    app.conf.ONCE = {"settings": {"url": "redis://locks.invalid:6390/1"}}
    with VirtualCelery(app, start=NOON):
        assert redis.Redis(host="locks.invalid", port=6390).set("a", "b")
        with pytest.raises(RealWorldError):
            redis.Redis(host="locks.invalid").set("a", "b")


def test_asyncio_clients_work_too(app: Celery) -> None:
    """redis.asyncio in a task: a lock, and a sleep between two commands."""

    @app.task(name="counts", shared=False)
    def counts() -> int:
        async def body() -> int:
            async with redis_asyncio.Redis.from_url(app.conf.broker_url) as client:
                async with client.lock("one", timeout=60):
                    await client.incr("n")
                    await asyncio.sleep(5)
                return int(await client.incr("n"))

        return asyncio.run(body())

    with VirtualCelery(app, start=NOON) as celery:
        assert counts.delay().get() == 2
        assert celery.redis().get("n") == b"2"


def test_a_push_of_the_apps_reaches_a_worker_that_waits(app: Celery) -> None:
    """A client of the app's puts a message into a queue: the worker, which waits for it, runs it at once."""
    with VirtualCelery(app, start=NOON, workers=0) as celery:
        app.tasks["note"].delay()
        raw = celery.redis().rpop("celery")
        celery.start_worker("worker1", queues=["celery"])
        celery.advance(seconds=1)
        redis.Redis.from_url(app.conf.broker_url).lpush("celery", raw)
        celery.advance(seconds=1)
        celery.assert_ran("note", times=1)


def test_pubsub_and_pipelines_work(app: Celery) -> None:
    """The rest of a client is redis-py's own."""
    with VirtualCelery(app, start=NOON):
        client: Any = redis.Redis.from_url(app.conf.broker_url)
        listener = client.pubsub(ignore_subscribe_messages=True)
        listener.subscribe("news")
        assert client.pipeline().set("a", 1).incr("a").execute() == [True, 2]
        client.publish("news", "x")
        listener.get_message()
        assert (listener.get_message() or {})["data"] == b"x"
        listener.close()
