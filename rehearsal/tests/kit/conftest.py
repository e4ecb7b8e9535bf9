"""An app that has nothing to do with returns, and clusters of it."""

from __future__ import annotations

import os
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from celery import _state, signals
from celery.app import builtins
from celery_rehearsal import seams

from .optional import needs_redis, pytest_pycollect_makemodule, pytest_runtest_call
from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery

__all__ = ["pytest_pycollect_makemodule", "pytest_runtest_call"]

# Not skipped but left out: where it cannot be installed there is nothing to test.
collect_ignore = [] if find_spec("django_celery_beat") else ["test_database_scheduler.py"]

# An environment with Celery's newest pre-release, which no cluster takes, runs the tests to see what has moved.
if os.environ.get("REHEARSAL_ANY_VERSION"):
    seams.SUPPORTED.clear()

KYIV = ZoneInfo("Europe/Kyiv")

# A winter noon, far from both changes of the clock.
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=KYIV)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Allow countdowns of hours, as a RabbitMQ can: test_amqp_rules.py."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:.*consumer_timeout"))


@pytest.fixture(autouse=True)
def _a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the application around the kit: its handlers of a start, its shared tasks, and that it is current."""
    state: Any = _state
    finalizers = {each for each in state._on_app_finalizers if each.__module__ == builtins.__name__}
    for signal in (signals.celeryd_init, signals.worker_ready):
        monkeypatch.setattr(signal, "receivers", [])
    monkeypatch.setattr(state, "_on_app_finalizers", finalizers)
    monkeypatch.setattr(state, "default_app", None)
    monkeypatch.setattr(state._tls, "current_app", None)


@pytest.fixture
def app() -> Celery:
    """A fresh app per test, so that no test sees another's tasks or settings."""
    return make_app()


@pytest.fixture(params=["memory", pytest.param("fakeredis", marks=needs_redis)])
def transport(request: pytest.FixtureRequest) -> Any:
    """Each test that asks for it runs on both transports."""
    return request.param
