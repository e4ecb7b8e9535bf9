"""Which broker a cluster has: the one that stands for the app's own, or the one that is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery
from celery_rehearsal import BadUseError, NotSimulatedError, VirtualCelery
from celery_rehearsal.fake_redis import RedisBroker
from celery_rehearsal.memory import MemoryBroker
from kombu.transport import TRANSPORT_ALIASES, pyamqp
from kombu.transport import redis as kombu_redis

from .conftest import NOON

STANDS_FOR = {
    "redis://localhost/0": RedisBroker,
    "rediss://localhost/0": RedisBroker,
    "sentinel://one:26379;sentinel://two:26379": RedisBroker,
    "redis+socket:///run/redis.sock": RedisBroker,
    "amqp://localhost": MemoryBroker,
    "amqps://localhost": MemoryBroker,
    "pyamqp://localhost": MemoryBroker,
    "memory://": MemoryBroker,
}


KNOWN = {url.partition(":")[0] for url in STANDS_FOR} | {"librabbitmq"}


class Guarded(kombu_redis.Transport):
    """A transport class of an app's own."""


def broker_of(transport: str | None = None, broker: str | None = None, **settings: Any) -> type[Any]:
    """The broker of a cluster of an app with these settings."""
    app = Celery("t", broker=broker, set_as_current=False, fixups=[])
    app.conf.update(settings)
    with VirtualCelery(app, start=NOON, transport=transport, beats=0) as celery:
        return type(celery.broker)


@pytest.mark.parametrize("url", STANDS_FOR)
def test_the_app_names_its_broker(url: str) -> None:
    """Redis by each of its URLs is a fake Redis; AMQP and kombu's memory transport are "memory"."""
    options = {"master_name": "main"} if url.startswith("sentinel") else {}
    assert broker_of(broker=url, broker_transport_options=options) is STANDS_FOR[url]


def test_no_broker_is_rabbitmq() -> None:
    """An app that names no broker asks a RabbitMQ, by Celery's default."""
    assert broker_of() is MemoryBroker


@pytest.mark.parametrize(("named", "broker"), [(Guarded, RedisBroker), (pyamqp.Transport, MemoryBroker)])
def test_a_class_is_known_by_its_driver(named: type[Any], broker: type[Any]) -> None:
    """A transport class counts as what it drives, given as such or by its path."""
    assert broker_of(broker_transport=named) is broker
    assert broker_of(broker_transport=f"{named.__module__}:{named.__qualname__}") is broker


@pytest.mark.parametrize("alias", sorted({*TRANSPORT_ALIASES, "no-such"} - KNOWN))
def test_any_other_broker_is_refused(alias: str) -> None:
    """A broker of other rules is refused by its name, unless the test asks for one of the two."""
    for url in (f"{alias}://localhost", f"{alias}+x://localhost"):
        with pytest.raises(NotSimulatedError, match=rf"the app's broker is {alias}: .*transport="):
            broker_of(broker=url)
    assert broker_of("memory", f"{alias}://localhost") is MemoryBroker
    assert broker_of("fakeredis", f"{alias}://localhost") is RedisBroker


def test_two_brokers_are_refused() -> None:
    """One to read from and one to write to, or two to fall over between, must be of one kind."""
    two: list[dict[str, Any]] = [
        {"broker_read_url": "redis://a", "broker_write_url": "amqp://b"},
        {"broker_url": "redis://a;amqp://b"},
        {"broker_url": ["redis://a", "amqp://b"]},
    ]
    for settings in two:
        with pytest.raises(NotSimulatedError, match="both Redis and AMQP"):
            broker_of(**settings)
    for other in ("redis://b", "redis://a/1", "redis://a:6380"):
        with pytest.raises(NotSimulatedError, match="reads from one Redis and writes to another"):
            broker_of(broker_read_url="redis://a", broker_write_url=other)
    assert broker_of(broker_read_url="redis://:secret@a", broker_write_url="redis://a:6379/0") is RedisBroker
    assert broker_of(broker_read_url="amqp://a", broker_write_url="amqp://b") is MemoryBroker
    assert broker_of(broker_url="amqp://a;pyamqp://b") is MemoryBroker


def test_an_unknown_transport_is_refused() -> None:
    """The kit has two."""
    with pytest.raises(BadUseError, match="one of"):
        broker_of("redis")
