"""Scenarios as processes of their own, played again with more time where the machine was too slow for the day."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from .play import CUTOFF_IN, TOO_SLOW
from .site import Kind

# Seconds to 18:00 at the second and third try.
MORE_TIME = (2 * CUTOFF_IN, 4 * CUTOFF_IN)

Play = Callable[..., str]


@pytest.fixture
def play() -> Play:
    """Plays a scenario on a kind of deployment, to equal books; returns what it said. Skips where a server is away."""

    def played(scenario: str, kind: Kind, *options: str) -> str:
        if lack := kind.lacks():
            pytest.skip(lack)
        for cutoff_in in (CUTOFF_IN, *MORE_TIME):
            status, said = _run(scenario, *_options(kind), "--cutoff-in", str(cutoff_in), *options)
            if status != TOO_SLOW:
                break
        assert status == 0, said
        return said

    return played


def _options(kind: Kind) -> tuple[str, ...]:
    chosen = ("--broker", kind.broker, "--database", kind.database, "--results", kind.results)
    return (*chosen, "--scheduler", kind.scheduler, *(["--own"] if kind.own else []))


def _run(*arguments: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "tests.services.play", *arguments],
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},  # what this process imports
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return ended.returncode, ended.stdout
