"""Fixtures: a sweep in small chunks, run as a worker does."""

from datetime import datetime

import pytest
from django.contrib.auth.models import User

from refunds.frozen import freeze
from refunds.models import Chunk, Sweep
from refunds.operations import button, sweeps

from ..admin.conftest import make_user
from ..factories import PRESSED


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two rows, and so pieces of two ids."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)
    monkeypatch.setattr("refunds.overview.pieces.CHUNK_ROWS", 2)


def press(name: str = "boss", now: datetime = PRESSED) -> Sweep:
    """Start an approval of what is pending, pressed by a user of this name."""
    by = User.objects.filter(username=name).first() or make_user(username=name)
    return button.start_approve(key=f"{name} {now}", frozen=freeze(), by=by, now=now)[0]


def decide(sweep: Sweep, chunks: int | None = None, now: datetime = PRESSED) -> None:
    """Plan the sweep and decide its first chunks, or all."""
    sweeps.plan_sweep(sweep.pk, now)
    for chunk in Chunk.objects.filter(sweep=sweep).order_by("pk")[:chunks]:
        sweeps.decide_chunk(chunk.pk, now)
    sweep.refresh_from_db()
