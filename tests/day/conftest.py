"""The virtual lane: the app's own beat and workers under one frozen clock, on the tests' database."""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from typing import Any

import pytest
from celery import Celery
from celery.app import app_or_default
from celery_rehearsal import VirtualCelery

from refunds import tasks
from refunds.frozen import freeze
from refunds.models import ReturnRequest, Sweep
from refunds.operations import button
from refunds.schedule import beat_schedule

from ..gateways.provider import InMemory

# The project's Celery app, whichever that is.
app: Celery = app_or_default()

Start = Callable[..., VirtualCelery]
Schedule = Callable[[dict[str, Any]], None]
on_both_transports = pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])


def press(celery: VirtualCelery) -> Sweep:
    """Do what the button does, now."""
    sweep, _ = button.start_approve(key=f"pressed {celery.now}", frozen=freeze(), by=None, now=celery.now)
    return sweep


def statuses() -> dict[str, list[ReturnRequest]]:
    """Return the requests in the order of their ids, by status."""
    found: dict[str, list[ReturnRequest]] = {}
    for row in ReturnRequest.objects.order_by("pk"):
        found.setdefault(row.status, []).append(row)
    return found


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
def start(schedule: Schedule) -> Generator[Start]:
    """Start a cluster of the app at an aware datetime; it ends with the test."""
    # Before `schedule` ends: a cluster puts the settings back that it found.
    with ExitStack() as running:
        yield lambda at, **options: running.enter_context(VirtualCelery(app, start=at, **options))


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
