"""The same seed gives the same timeline, to the byte, in any process."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

# The folder from which `python -m kit.…` finds this package.
TESTS = Path(__file__).parents[1]


@functools.cache
def timeline(transport: str, *, seed: int, hash_seed: int) -> bytes:
    """What the scenario prints in a process with that hash seed."""
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    finished = subprocess.run(
        [sys.executable, "-m", "kit.determinism", transport, str(seed)],
        cwd=TESTS,
        env=environment,
        capture_output=True,
        check=True,
    )
    return finished.stdout


def test_two_hash_seeds_one_timeline(transport: str) -> None:
    """Neither the order of sets and dicts nor an address in memory shows in a timeline."""
    first = timeline(transport, seed=3, hash_seed=1)
    assert first.count(b"\n") > 200
    assert timeline(transport, seed=3, hash_seed=2) == first


def test_another_seed_another_timeline() -> None:
    """The seed decides ids and jitter, so another one gives another run."""
    assert timeline("memory", seed=3, hash_seed=1) != timeline("memory", seed=4, hash_seed=1)
