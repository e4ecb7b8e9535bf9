"""Scenarios as processes of their own, played again with more time where the machine was too slow for the day."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from ..pace import TOO_SLOW, cutoffs
from .site import Kind
from .soak import KINDS

Play = Callable[..., str]


@pytest.fixture
def play() -> Play:
    """Plays a scenario on a kind of deployment, to equal books; returns what it said. Skips where a server is away."""

    def played(scenario: str, kind: Kind, *options: str) -> str:
        if lack := kind.lacks():
            pytest.skip(lack)
        status, said = TOO_SLOW, ""
        for cutoff_in in cutoffs():
            if status == TOO_SLOW:
                status, said = _run("play", scenario, *kind.options(), "--cutoff-in", str(cutoff_in), *options)
        assert status == 0, said
        return said

    return played


@pytest.fixture
def soak() -> Play:
    """Soaks, to equal books; returns what it said. Skips where a server is away."""

    def soaked(*options: str) -> str:
        if lack := next(filter(None, (kind.lacks() for kind in KINDS)), ""):
            pytest.skip(lack)
        status, said = _run("soak", *options)
        assert status == 0, said
        return said

    return soaked


def _run(program: str, *arguments: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", f"tests.chaos.services.{program}", *arguments],
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},  # what this process imports
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return ended.returncode, ended.stdout
