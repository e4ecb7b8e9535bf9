"""What all tests of the app share."""

import os

import celery.app.trace  # noqa: F401  # before a test stops the clock: a default argument would keep the stopped one
import django
import freezegun
import pytest
from django.core.cache import cache
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils import timezone, translation
from freezegun.config import DEFAULT_IGNORE_LIST
from hypothesis import HealthCheck, settings
from kombu.transport import memory
from pytest_django import Settings

from refunds import gateways, queries
from refunds.apps import LABEL

# freezegun gives the real time to callers whose names begin with `gi` or another of its list, as a label can.
freezegun.configure(default_ignore_list=[name for name in DEFAULT_IGNORE_LIST if not LABEL.startswith(name)])
# A shared machine is slow at times: no time of an example and of its making is a verdict.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("default"), max_examples=200)
settings.load_profile("thorough" if os.environ.get("REFUNDS_THOROUGH") else "default")


ADMIN = "admin@example.com"


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
def _english() -> None:
    """Forget the language of another test's last request: Django keeps it for the thread until the next one."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def _one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the process's clock, which tests freeze, the database's too. Production has no such switch."""
    monkeypatch.setattr(queries, "database_clock", timezone.now)


@pytest.fixture(autouse=True)
def _empty_broker() -> None:
    """Empty the memory transport: the reconciler counts the messages that wait."""
    for queue in memory.Channel.queues.values():
        queue.queue.clear()


@pytest.fixture
def admin(settings: Settings) -> str:
    """The address of the one admin, who gets the mails. Django 5.2 takes pairs of name and address, 6.0 addresses."""
    settings.ADMINS = [ADMIN] if django.VERSION >= (6, 0) else [(ADMIN, ADMIN)]
    return ADMIN
