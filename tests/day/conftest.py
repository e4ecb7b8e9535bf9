"""The virtual lane: the app's own beat and workers under one frozen clock, on the tests' database."""

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any

import pytest
from celery import Celery
from celery.app import app_or_default
from celery_rehearsal import VirtualCelery

from refunds import tasks
from refunds.frozen import freeze
from refunds.models import Sweep
from refunds.operations import sweeps
from refunds.schedule import beat_schedule

from ..gateways.provider import InMemory

# The project's Celery app, whichever that is.
app: Celery = app_or_default()

Start = Callable[..., VirtualCelery]
Schedule = Callable[[dict[str, Any]], None]


def press(celery: VirtualCelery) -> Sweep:
    """Do what the button does, now."""
    sweep, _ = sweeps.start_approve(key=f"pressed {celery.now}", frozen=freeze(), by=None, now=celery.now)
    return sweep


@pytest.fixture
def schedule() -> Generator[Schedule]:
    """Give beat another schedule for the length of a test."""
    # In place: Celery before 5.6 reads what Django's settings hold, whatever is assigned here.
    current = app.conf.beat_schedule
    before = dict(current)

    def replace(entries: dict[str, Any]) -> None:
        current.clear()
        current.update(entries)

    yield replace
    replace(before)


@pytest.fixture
def start(
    schedule: Schedule,
) -> Generator[Start]:  # a cluster puts the settings back that it found: it ends before them
    """Start a cluster of the app at an aware datetime; it ends with the test."""
    running: list[VirtualCelery] = []

    def begin(at: datetime, **options: Any) -> VirtualCelery:
        cluster = VirtualCelery(app, start=at, **options).__enter__()
        running.append(cluster)
        return cluster

    yield begin
    for cluster in running:
        cluster.__exit__(None, None, None)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    """A provider that every task pays through."""
    made = InMemory()
    monkeypatch.setattr(tasks, "gateway", lambda: made)
    return made


@pytest.fixture
def decline(schedule: Schedule) -> dict[str, Any]:
    """Declare only the decline: then beat starts it, and no reconciler does."""
    entries = {"decline-pending": beat_schedule()["decline-pending"]}
    schedule(entries)
    return entries
