"""What the operations' tests share: commits, and what they publish, without a broker."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import pytest

from refunds import outbox

Published = list[tuple[str, list[dict[str, int]]]]
Commit = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Published:
    """What a commit publishes, as (task, messages), without a broker."""
    found: Published = []

    def publish(name: str, messages: list[dict[str, int]], expires: datetime | None) -> None:
        assert expires is None
        found.append((name, messages))

    monkeypatch.setattr(outbox, "_publish", publish)
    return found


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Any) -> Commit:
    """A context that ends as a commit does."""
    return lambda: django_capture_on_commit_callbacks(execute=True)
