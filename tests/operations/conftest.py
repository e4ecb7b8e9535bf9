"""What the operations' tests share: commits, and what they publish, without a broker."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.dispatch import Signal

from refunds import outbox, signals

from .payers import Paced

Published = list[tuple[str, list[dict[str, int]]]]
Commit = Callable[..., AbstractContextManager[Any]]
Limit = Callable[[Paced], Paced]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Published:
    """What a commit publishes, as (task, messages), without a broker."""
    found: Published = []

    def publish(name: str, messages: list[dict[str, int]], options: dict[str, object]) -> None:
        assert not any(options.values())
        found.append((name, messages))

    monkeypatch.setattr(outbox, "_publish", publish)
    return found


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Limit:
    """Limit the calls, as a room does."""

    def paced(by: Paced) -> Paced:
        for name, answer in (("call_asked", by.asked), ("share_asked", by.share)):
            monkeypatch.setattr(signals, name, signal := Signal())
            signal.connect(answer, weak=False)
        return by

    return paced


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Any) -> Commit:
    """A context that ends as a commit does."""
    return lambda: django_capture_on_commit_callbacks(execute=True)
