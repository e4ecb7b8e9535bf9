"""Where a broker's URL leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kombu.utils.url import url_to_parts

# What a URL means that leaves it out, by scheme.
PORTS = {"amqp": 5672, "amqps": 5671, "pyamqp": 5672, "redis": 6379, "rediss": 6379}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
VIRTUAL_HOSTS = {"redis": "0", "rediss": "0"}


def broker_key(url: Any) -> tuple[Any, ...]:
    """What makes two URLs one broker: host, port, and virtual host or database. A user and a password do not."""
    urls = url if isinstance(url, list | tuple) else str(url or "").split(";")
    return tuple(_place(one) for one in urls)


def local(host: str | None) -> str:
    """Return the host, under one name where it is this machine."""
    return "localhost" if (host or "localhost") in LOOPBACK else str(host)


def redis_places(app: Any, broker: bool, *, others: bool = True) -> list[tuple[str, int]]:
    """Host and port of each Redis in an app's settings: of its results, of a `broker`, and of `others`, as a lock's."""
    results = app.backend_cls or app.conf.result_backend
    found: list[Any] = list(_redis_urls(results))
    if others:
        found += [url for name in app.conf if not name.startswith("broker_") for url in _redis_urls(app.conf[name])]
    if broker:
        found += [app.conf.broker_write_url]
    return [(local(place[1]), int(place[2] or PORTS["redis"])) for url in found for place in broker_key(url)]


def _redis_urls(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from [value] if value.startswith(("redis://", "rediss://")) else []
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _redis_urls(one)


def _place(url: str) -> tuple[Any, ...]:
    scheme, host, port, _user, _password, path, _query = url_to_parts(url)
    scheme = {"pyamqp": "amqp"}.get(scheme or "amqp", scheme or "amqp")
    virtual_host = (path or "").strip("/") or VIRTUAL_HOSTS.get(scheme, "/")
    return scheme, host or "localhost", port or PORTS.get(scheme), virtual_host
