"""Fixtures of the core's days and of the rooms whose effect on each other is tested here."""

import pytest

from refunds import tasks
from refunds.tracking import tasks as tracking_tasks

from ...day.conftest import schedule, start
from ...gateways.provider import InMemory
from ...notices.conftest import mail_server, messages, refund

__all__ = ["mail_server", "messages", "refund", "schedule", "start"]


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    """A provider that every task pays through, and asks."""
    made = InMemory()
    for module in (tasks, tracking_tasks):
        monkeypatch.setattr(module, "gateway", lambda: made)
    return made
