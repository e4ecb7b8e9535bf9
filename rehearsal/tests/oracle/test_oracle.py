"""The kit equals real programs of Celery over changes of the clock, instant for instant: a sample."""

from __future__ import annotations

import os
import random
import shutil
from datetime import datetime, timezone

import pytest

from . import beats, clock, workers, zones
from .beats import Window, around
from .workers import Crossing

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(bool(clock.reason_to_skip()), reason=clock.reason_to_skip() or "it runs here"),
]

# A day compares other zones than the one before it. REHEARSAL_SEED=n repeats the choice that a failure shows.
SEED = int(os.environ.get("REHEARSAL_SEED") or datetime.now(timezone.utc).toordinal())


def drawn(number: int) -> list[tuple[str, int]]:
    """Zones with one of their changes, another choice for each seed."""
    chance = random.Random(SEED)
    names = [name for name in zones.NAMED if zones.changes(name, 2026, 2027)]
    return [
        (name, int(chance.choice(zones.changes(name, 2026, 2027)).timestamp())) for name in chance.sample(names, number)
    ]


def change(zone: str, number: int) -> int:
    return int(zones.changes(zone, 2026, 2027)[number].timestamp())


NOON = 1_768_478_400  # 2026-01-15 12:00:00 UTC, far from a change

# Where releases of Celery differ (5.6 is silent for the repeated hour, 5.7 moves a daily interval), and five entries.
FIXED = [
    ("Europe/Kyiv", change("Europe/Kyiv", 1), "intervals"),
    ("America/Scoresbysund", change("America/Scoresbysund", 0), "five"),
    ("Antarctica/Troll", change("Antarctica/Troll", 1), "five"),
]


@pytest.mark.parametrize(("zone", "at", "group"), [*FIXED, *((*each, "all") for each in drawn(2))])
def test_the_kits_beat_equals_a_real_one(zone: str, at: int, group: str) -> None:
    """Every entry, in every order of being due, is sent at the millisecond at which `celery beat` sends it."""
    count, differences = beats.compare(around(zone, at, group))
    assert count > 40
    assert differences == [], f"REHEARSAL_SEED={SEED}"


# Alone, with others, and where Celery's own entry alone runs beside it.
@pytest.mark.parametrize("group", ["five", "early"])
def test_ten_past_midnight_in_scoresbysund(group: str) -> None:
    """The night without 00:00 to 00:59: `0:10` is sent when a real beat sends it, alone and among five entries.

    Releases of Celery differ: one sends it at 02:15, as another entry wakes beat, only if five run together.
    """
    window = around("America/Scoresbysund", change("America/Scoresbysund", 0), group)
    theirs = beats.real(window)
    assert [at for at, name in theirs if name == "early"]
    assert beats.virtual(window) == theirs


@pytest.mark.parametrize("seconds", [3600, -3600, 400])
def test_a_beat_notices_a_step_of_the_wall_clock(seconds: int) -> None:
    """A wall clock that is set forward or back after ten hours: beat notices as it wakes, up to 300 s later."""
    step = clock.Step(after=10 * 3600 + 17, by=seconds)
    window = Window("Europe/Kyiv", NOON - 2233, NOON + 86_400, "five", step=step)
    count, differences = beats.compare(window)
    assert count > 100
    assert differences == []


@pytest.mark.filterwarnings("ignore:beat asks for the zone:celery_rehearsal.NotSimulatedWarning")
def test_a_beat_asks_the_current_app_for_the_zone() -> None:
    """The app of set_as_current=False is not its entries' app any more once beat has read them back from its file."""
    window = Window("Europe/Kyiv", NOON - 2233, NOON + 86_400, "five", current=False)
    theirs = beats.real(window)
    assert datetime(2026, 1, 15, 18, tzinfo=timezone.utc) in [at for at, name in theirs if name == "evening"]
    assert beats.virtual(window) == theirs


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="a real worker needs redis-server")
@pytest.mark.parametrize(("zone", "at"), drawn(1))
def test_the_kits_worker_equals_a_real_one(zone: str, at: int) -> None:
    """Each ETA, countdown and expiry over a change takes effect in the second in which `celery worker` does it."""
    count, differences = workers.compare(Crossing(zone, at))
    assert count > 200
    assert differences == [], f"REHEARSAL_SEED={SEED}"
