"""Which of the kit's two brokers stands for the one that an app names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.utils.imports import symbol_by_name

from . import extras, limits
from .errors import BadUseError, NotSimulatedError
from .places import broker_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery

    from .broker import Broker, Tap

# By `driver_type`, which each transport class of kombu has.
STANDS_FOR = {"redis": "fakeredis", "amqp": "memory", "memory": "memory"}

# Known without an import: another broker's client is often not installed.
DRIVERS = {
    "kombu.transport.redis": "redis",
    "kombu.transport.pyamqp": "amqp",
    "kombu.transport.librabbitmq": "amqp",
    "kombu.transport.memory": "memory",
}


def check_transport(transport: str | None) -> None:
    """Raise BadUseError unless it is one of the kit's, or None for the one that stands for the app's broker."""
    if transport not in {None, *STANDS_FOR.values()}:
        raise BadUseError(f'transport={transport!r}: give one of "memory" and "fakeredis"; no broker is real')


def transport_of(app: Celery) -> str:
    """Return "fakeredis" for an app on Redis, "memory" for one on AMQP or kombu's memory transport.

    Raises NotSimulatedError for an app on any other broker, or on one to read from and another to write to. URLs of two
    RabbitMQs are taken for nodes of one cluster, which share their queues. Redis servers share none to write to.
    """
    found = {_stand_in(named) for named in _named(app)}
    if len(found) > 1:
        raise NotSimulatedError(f"the app's broker URLs name both Redis and AMQP; {limits.reason('two_brokers')}")
    kind = found.pop()
    if kind == "fakeredis" and broker_key(app.conf.broker_read_url) != broker_key(app.conf.broker_write_url):
        raise NotSimulatedError(f"the app reads from one Redis and writes to another; {limits.reason('two_brokers')}")
    return kind


def make_broker(transport: str | None, tap: Tap, app: Celery) -> Broker:
    """A broker of its own for one cluster."""
    if (transport or transport_of(app)) == "memory":
        from .amqp_rules import check_app
        from .memory import MemoryBroker

        check_app(app)
        return MemoryBroker(tap)
    extras.need("redis", 'transport="fakeredis"' if transport else "an app whose broker is Redis")
    from .fake_redis import RedisBroker
    from .redis_options import check_options

    options = dict(app.conf.broker_transport_options)
    check_options(options, _named(app))
    return RedisBroker(tap, options)


def _named(app: Any) -> Iterator[Any]:
    """Each transport that the app's settings name, by an alias, a path or a class, as kombu reads them."""
    for urls in (app.conf.broker_read_url, app.conf.broker_write_url):
        for several in [urls] if isinstance(urls, str | None) else urls:
            for url in (several or "").split(";"):
                scheme, found, _rest = url.partition("://")
                yield app.conf.broker_transport or (scheme.partition("+")[0] if found else "amqp")


def _stand_in(named: Any) -> str:
    path = TRANSPORT_ALIASES.get(named, named) if isinstance(named, str) else named
    driver = DRIVERS.get(path.partition(":")[0]) if isinstance(path, str) else path.driver_type
    if driver is None and named not in TRANSPORT_ALIASES and ":" in path:
        # A class of one's own.
        driver = symbol_by_name(path).driver_type
    if driver not in STANDS_FOR:
        raise NotSimulatedError(f"the app's broker is {named}: {limits.reason('broker')}")
    return STANDS_FOR[driver]
