"""Handlers of Celery's signals that a test connects."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from celery import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def connected(name: str, handler: Callable[..., Any]) -> Iterator[None]:
    signal = getattr(signals, name)
    signal.connect(handler, weak=False)
    try:
        yield
    finally:
        signal.disconnect(handler)
