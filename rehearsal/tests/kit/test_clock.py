"""The wall clock in seconds is the cluster's, and is given back."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from celery_rehearsal import VirtualCelery
from freezegun import freeze_time

from .conftest import NOON

if TYPE_CHECKING:
    from pathlib import Path

    from celery import Celery


def test_seconds_and_datetimes_agree(app: Celery) -> None:
    """To the microsecond: at the start, when time has passed, and when the wall clock was set back."""
    with VirtualCelery(app, start=NOON + timedelta(microseconds=1)) as celery:
        instants = [_both()]
        celery.advance(timedelta(seconds=1))
        instants.append(_both())
        celery.step_clock(timedelta(hours=-1))
        instants.append(_both())
        assert celery.now == instants[-1]
    first = NOON + timedelta(microseconds=1)
    assert instants == [first, first + timedelta(seconds=1), first + timedelta(seconds=1, hours=-1)]


def test_a_frozen_block_of_ones_own_shows_its_time(app: Celery) -> None:
    """Inside a freeze_time of another's both clocks are that one's, and the cluster's again after it."""
    with VirtualCelery(app, start=NOON):
        with freeze_time("2031-01-01"):
            assert _both() == datetime(2031, 1, 1, tzinfo=UTC)
        assert _both() == NOON


def test_a_module_that_is_loaded_under_the_frozen_clock_gets_the_real_one_back(
    app: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a test imports inside a cluster has the real clock after it, however it imported the clock."""
    (tmp_path / "loaded_under_frozen_clock.py").write_text("from time import monotonic, time\n")
    monkeypatch.syspath_prepend(tmp_path)
    with VirtualCelery(app, start=NOON):
        loaded = import_module("loaded_under_frozen_clock")
        assert loaded.time() == NOON.timestamp()
    assert (loaded.time, loaded.monotonic) == (time.time, time.monotonic)
    del sys.modules["loaded_under_frozen_clock"]


def test_who_kept_the_frozen_clock_is_given_real_time(app: Celery) -> None:
    """A function that was taken from `time` inside a cluster tells the machine's time after it."""
    with VirtualCelery(app, start=NOON):
        kept = time.time
    assert kept() != NOON.timestamp()


def _both() -> datetime:
    now = datetime.now(UTC)
    assert datetime.fromtimestamp(time.time(), UTC) == now
    return now
