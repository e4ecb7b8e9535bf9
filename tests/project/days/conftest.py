"""The cluster in virtual time, as the core's days have it; the provider is also the one of the look-ups."""

import pytest

from refunds import tasks
from refunds.tracking import tasks as tracking_tasks

from ...day.conftest import schedule, start
from ...gateways.provider import InMemory

__all__ = ["schedule", "start"]  # fixtures


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    """A provider that every task pays through, and asks."""
    made = InMemory()
    for module in (tasks, tracking_tasks):
        monkeypatch.setattr(module, "gateway", lambda: made)
    return made
