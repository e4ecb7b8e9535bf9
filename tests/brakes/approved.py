"""What the tests of an undo share: an approved sweep whose payments wait, and steps of workers."""

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from refunds.brakes import undoing
from refunds.brakes.models import UndoneChunk
from refunds.frozen import freeze
from refunds.models import ReturnRequest, Sweep
from refunds.operations import button, sweeps

from ..factories import PRESSED, make_requests


def approved(count: int = 5, now: datetime = PRESSED, done: int | None = None, **columns: Any) -> Sweep:
    """Approve so many new requests as workers do; `done` is how many chunks (default: all)."""
    make_requests(count, **columns)
    sweep, _ = button.start_approve(key=f"{now} {count}", frozen=freeze(), by=None, now=now)
    sweeps.plan_sweep(sweep.pk, now)
    decide(sweep, now, done)
    sweep.refresh_from_db()
    return sweep


def decide(sweep: Sweep, now: datetime, done: int | None = None) -> int:
    """Decide the first chunks of the sweep."""
    return sum(sweeps.decide_chunk(chunk.pk, now) for chunk in sweep.chunks.order_by("pk")[:done])


def decline(now: datetime) -> Sweep:
    """Decline as beat and the workers do."""
    sweep, _ = sweeps.decline_pending(now)
    sweeps.plan_sweep(sweep.pk, now)
    decide(sweep, now)
    return sweep


def press(sweep: Sweep, now: datetime = PRESSED) -> int:
    """Press undo, as boss."""
    boss, _ = User.objects.get_or_create(username="boss")
    return undoing.undo(sweep.pk, by=boss, reason="wrong file", now=now)


def undo(sweep: Sweep, now: datetime = PRESSED) -> int:
    """Press undo and do the workers' part; return how many requests were taken back."""
    press(sweep, now)
    return sum(undoing.undo_chunk(pk, now) for pk in UndoneChunk.objects.values_list("pk", flat=True))


def by_status() -> dict[str, int]:
    """Return how many requests have each status."""
    found: dict[str, int] = {}
    for status in ReturnRequest.objects.values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows are a chunk."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)


__all__ = ["approved", "by_status", "decide", "decline", "press", "small_chunks", "undo"]
