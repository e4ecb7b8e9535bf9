"""An app that has nothing to do with returns, and clusters of it."""

from __future__ import annotations

from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery

# Not skipped but left out: where it cannot be installed there is nothing to test.
collect_ignore = [] if find_spec("django_celery_beat") else ["test_database_scheduler.py"]

KYIV = ZoneInfo("Europe/Kyiv")

# A winter noon, far from both changes of the clock.
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=KYIV)


@pytest.fixture
def app() -> Celery:
    """A fresh app per test, so that no test sees another's tasks or settings."""
    return make_app()


@pytest.fixture(params=["memory", "fakeredis"])
def transport(request: pytest.FixtureRequest) -> Any:
    """Each test that asks for it runs on both transports."""
    return request.param
