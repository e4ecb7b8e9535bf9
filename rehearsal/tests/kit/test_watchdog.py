"""A step that does not end in real time is ended, and the test fails with the name of the task and its line."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.schedules import schedule
from celery_rehearsal import BadUseError, NotSimulatedError, VirtualCelery, strands, watchdog

from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

NOW = timedelta(0)
LOCK = threading.Lock()


class ByHand:
    """The watchdog's clock. On a busy machine a sound step can take longer than these tests wait for a hanging one."""

    def __init__(self) -> None:
        self.at = 0.0
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.at


CLOCK = ByHand()


@pytest.fixture(autouse=True)
def _clock_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (watchdog, strands):
        monkeypatch.setattr(module, "REAL", CLOCK)


def spins() -> None:
    end = time.monotonic() + 1
    while time.monotonic() < end:
        pass


def spins_on_the_wall_clock() -> None:
    end = time.time() + 1
    while time.time() < end:
        pass


def takes_a_lock_that_is_held() -> None:
    with LOCK:
        pass


@pytest.mark.parametrize("way", [spins, spins_on_the_wall_clock, takes_a_lock_that_is_held])
def test_a_task_without_progress_is_named(app: Celery, way: Callable[[], None]) -> None:
    """Also if it catches everything; the signal's handler is put back."""

    @app.task(name="hangs", autoretry_for=(Exception,), shared=False)
    def hangs() -> None:
        CLOCK.at += 1
        with suppress(BaseException):
            way()

    before = signal.getsignal(signal.SIGURG)
    with LOCK, VirtualCelery(app, start=NOON, watchdog=0.2) as celery:
        result = hangs.delay()
        line = way.__code__.co_firstlineno
        with pytest.raises(NotSimulatedError) as caught:
            celery.advance(NOW)
        assert f"hangs[{result.id}] has run for 0.2 real seconds" in str(caught.value)
        assert any(f"test_watchdog.py:{line + n}" in str(caught.value) for n in range(1, 5))
        celery.run_until_idle()
    assert signal.getsignal(signal.SIGURG) is before


class Spins(schedule):
    """Waits for a clock that stands still."""

    def is_due(self, _last_run_at: Any) -> Any:
        CLOCK.at += 1
        spins()


def test_a_beat_without_progress_is_named(app: Celery) -> None:
    """It is no task, so its name is the beat's."""
    app.conf.beat_schedule = {"spins": {"task": "note", "schedule": Spins(60)}}
    with (
        VirtualCelery(app, start=NOON, watchdog=0.2) as celery,
        pytest.raises(NotSimulatedError, match=r"the loop of beat1 .*test_watchdog\.py"),
    ):
        celery.advance(NOW)


def test_many_short_steps_are_no_long_one(app: Celery) -> None:
    """Each wait begins a new step, and the test's own code may take its time."""

    @app.task(name="works", shared=False)
    def works() -> None:
        for _ in range(5):
            CLOCK.at += 0.15
            seen = CLOCK.looks
            while CLOCK.looks < seen + 2:  # the watchdog has looked
                pass
            time.sleep(1)

    with VirtualCelery(app, start=NOON, watchdog=0.2) as celery:
        works.delay()
        celery.run_until_idle()
        celery.assert_ran("works")


@pytest.mark.parametrize("wrong", [0, -1, "1", True])
def test_a_patience_that_is_no_number_is_refused(app: Celery, wrong: Any) -> None:
    """Seconds above zero, or None."""
    with pytest.raises(BadUseError, match="watchdog="), VirtualCelery(app, start=NOON, watchdog=wrong):
        pass
