"""Where a broker's URL leads."""

from __future__ import annotations

from typing import Any

from kombu.utils.url import url_to_parts

# What a URL means that leaves it out, by scheme.
PORTS = {"amqp": 5672, "amqps": 5671, "pyamqp": 5672, "redis": 6379, "rediss": 6379}
VIRTUAL_HOSTS = {"redis": "0", "rediss": "0"}


def broker_key(url: Any) -> tuple[Any, ...]:
    """What makes two URLs one broker: host, port, and virtual host or database. A user and a password do not."""
    urls = url if isinstance(url, list | tuple) else str(url or "").split(";")
    return tuple(_place(one) for one in urls)


def _place(url: str) -> tuple[Any, ...]:
    scheme, host, port, _user, _password, path, _query = url_to_parts(url)
    scheme = {"pyamqp": "amqp"}.get(scheme or "amqp", scheme or "amqp")
    virtual_host = (path or "").strip("/") or VIRTUAL_HOSTS.get(scheme, "/")
    return scheme, host or "localhost", port or PORTS.get(scheme), virtual_host
