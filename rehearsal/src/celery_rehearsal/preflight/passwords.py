"""The passwords of an application's settings, and where its source has them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kombu.utils.url import url_to_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .loaded import LoadedApp

# RabbitMQ's own account, which it accepts from the same host only.
PUBLIC = {"guest"}
SECRET = re.compile(r"passw|pwd|secret", re.IGNORECASE)
OPTIONS = ("broker_transport_options", "result_backend_transport_options", "redbeat_redis_options")
PLAIN = ("broker_password", "redis_password")


def passwords(loaded: LoadedApp) -> Iterator[tuple[str, str]]:
    """Yield each password of the settings, and the setting."""
    conf = loaded.conf
    named: list[tuple[str, Any]] = [("broker_url", url) for url in loaded.broker_urls]
    named += [("result_backend", conf.result_backend)]
    named += [("redbeat_redis_url", conf.first("redbeat_redis_url", "REDBEAT_REDIS_URL"))]
    # `sqs://key:secret@` names no host.
    found = [(name, part(url, "password")) for name, url in named if not is_local(part(url, "hostname") or "sqs")]
    found += [(name, value) for name in OPTIONS for value in _inside(conf.get(name))]
    found += [(name, conf.get(name)) for name in PLAIN]
    yield from ((name, value) for name, value in found if isinstance(value, str) and value and value not in PUBLIC)


def _inside(value: Any) -> Iterator[Any]:
    for key, each in value.items() if isinstance(value, Mapping) else ():
        yield from [each] if key == "password" else _inside(each)


def part(url: Any, name: str) -> str | None:
    """One part of a URL, such as its `hostname`. None without one."""
    try:
        return getattr(url_to_parts(url), name) or None if isinstance(url, str) and "://" in url else None
    except ValueError:
        return None


def is_local(host: str | None) -> bool:
    """Tell whether a host is this machine, or none, as that of `memory://`."""
    return host is None or host in {"localhost", "::1"} or host.startswith("127.")


def lines_with(tree: ast.AST, password: str) -> Iterator[int]:
    """Yield the lines that have the password in a URL, or as the value of a name that stands for a secret."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if any(f":{written}@" in node.value for written in (password, quote(password, safe=""))):
                yield node.lineno
        else:
            values = [value for name, value in _named(node) if SECRET.search(name)]
            yield from (each.lineno for each in values if isinstance(each, ast.Constant) and each.value == password)


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield names and their values: an assignment's, a keyword's, a dictionary's."""
    if isinstance(node, ast.Assign):
        yield from ((ast.unparse(target), node.value) for target in node.targets)
    elif isinstance(node, ast.keyword):
        yield node.arg or "", node.value
    elif isinstance(node, ast.Dict):
        yield from ((ast.unparse(key), value) for key, value in zip(node.keys, node.values, strict=True) if key)
