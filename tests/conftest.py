"""What all tests of the app share."""

import pytest
from django.core.cache import cache
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils import timezone
from kombu.transport import memory

from refunds import gateways, queries


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark of these tests where no pyproject.toml does: in a copy."""
    config.addinivalue_line("markers", "long: repeats in many seconds what a shorter test shows")


@receiver(setting_changed)
def _new_gateway(**_: object) -> None:
    """Make a new gateway for a test that overrides settings."""
    gateways._made.cache_clear()


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Empty the cache, so that no test sees the entries of another."""
    cache.clear()


@pytest.fixture(autouse=True)
def _one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the process's clock, which tests freeze, the database's too. Production has no such switch."""
    monkeypatch.setattr(queries, "database_clock", timezone.now)


@pytest.fixture(autouse=True)
def _empty_broker() -> None:
    """Empty the memory transport: the reconciler counts the messages that wait."""
    for queue in memory.Channel.queues.values():
        queue.queue.clear()
