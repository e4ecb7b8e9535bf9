"""What comes with an extra of the distribution. Without it the kit does the rest, and refuses by the extra's name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# Per extra the modules that it brings. lupa, because kombu's Redis transport and redis-py's locks run scripts.
EXTRAS = {"redis": ("redis", "fakeredis", "lupa"), "hypothesis": ("hypothesis",)}


def missing(extra: str) -> list[str]:
    """The modules of an extra that are not installed."""
    return [module for module in EXTRAS[extra] if find_spec(module) is None]


def need(extra: str, asked: str) -> None:
    """Raise MissingExtraError, with what was asked for, where a module of the extra is not installed."""
    if names := missing(extra):
        raise MissingExtraError(
            f"{asked} needs {' and '.join(names)}: install celery-rehearsal with its extra {extra!r}, "
            f"as in pip install './rehearsal[{extra}]'"
        )


def load_redis(undo: ExitStack) -> None:
    """Import the fake Redis, where it is installed, before the clock is frozen."""
    if not missing("redis"):
        from . import redis_pools  # noqa: F401  # it imports more of fakeredis
        from .redis_client import keep_version

        keep_version(undo)


def patch_redis(undo: ExitStack, server_at: Callable[[Any, Any], Any]) -> None:
    """Let the app's own clients of redis-py, where it is installed, reach the cluster's Redis."""
    if not missing("redis"):
        from .redis_pools import patch_pools

        patch_pools(undo, server_at)
