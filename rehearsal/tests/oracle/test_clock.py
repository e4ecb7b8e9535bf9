"""The oracle's own clock is honest: it says what real seconds say, and what a clock that runs says."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from itertools import pairwise

import pytest

from . import beats, clock, zones
from .beats import Window

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(bool(clock.reason_to_skip()), reason=clock.reason_to_skip() or "it runs here"),
]

START = 1_774_745_999  # 2026-03-29 00:59:59 UTC

# Seconds before the first entry: a clock that runs does so while Celery is imported, too.
MINUTES = 7 * 60

WAITS = """
import select, time
begun = time.monotonic()
time.sleep(3600)
select.select([], [], [], 60)
select.epoll().poll(30)
select.poll().poll(10_000)
print(time.time(), time.monotonic() - begun)
while time.monotonic() - begun < 3700.01:
    pass
print(time.time())
time.sleep(10)
"""


def test_waits_jump_and_a_spin_ends() -> None:
    """Each wait of Python moves both clocks by exactly its length, in no time; a spin ends at its instant."""
    variables = clock.preloaded(START, START + 86_400)
    begun = time.monotonic()
    told = subprocess.run(
        [sys.executable, "-c", WAITS], env=variables, capture_output=True, text=True, check=True
    ).stdout
    assert time.monotonic() - begun < 60
    wall, passed, spun = map(float, told.split())
    assert (wall, passed) == (START + 3700, 3700)
    assert spun == pytest.approx(START + 3700.01, abs=1e-6)


def test_the_end_is_a_sigterm() -> None:
    """A wait beyond ORACLE_END ends there, by SIGTERM."""
    words = [sys.executable, "-c", "import time; time.sleep(86_400)"]
    assert subprocess.run(words, env=clock.preloaded(START, START + 60), check=False).returncode == -15


def test_a_running_clock_says_the_same() -> None:
    """A real beat whose clock runs in real time between its waits sends the same entries, less than 1 s late."""
    window = Window("Europe/Kyiv", START - 3600 - MINUTES, START + 6 * 3600, "five")
    standing = beats.real(window)
    running = beats.real(window, clock.preloaded(window.start, window.end) | {"ORACLE_RUNNING": "1"})
    assert len(standing) > 30
    assert sorted((at.replace(microsecond=0), name) for at, name in running) == standing


def test_real_seconds_say_the_same() -> None:
    """In a few real seconds without the clock, beat sends a second's entry a second apart, as under the clock."""
    window = Window("Europe/Kyiv", START + MINUTES, START + MINUTES + 5, "1 s")
    theirs = [at for at, _name in beats.real(window, {"ORACLE_REAL_SECONDS": "5"}, keep_all=True)]
    ours = [at for at, _name in beats.real(window)]
    assert {after - before for before, after in pairwise(ours)} == {timedelta(seconds=1)}
    assert len(ours) - 1 <= len(theirs) <= len(ours) + 1
    assert all(abs((after - before).total_seconds() - 1) < 0.5 for before, after in pairwise(theirs))


def test_zones_whose_clocks_say_the_same_are_compared_once() -> None:
    """A zone and its old name are one; a zone that changes on other days is another, whatever its offset is."""
    found = zones.alike(["Europe/Kiev", "Asia/Gaza", "Europe/Kyiv"], 2026, 2027)
    assert found == {"Europe/Kyiv": ["Europe/Kiev", "Europe/Kyiv"], "Asia/Gaza": ["Asia/Gaza"]}
