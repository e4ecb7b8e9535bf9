"""Each scenario by a real worker process, and by the kit: the same answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import cases, kit_world, place
from .stage import SCENARIOS

if TYPE_CHECKING:
    from .answer import Answer
    from .stage import Scenario

assert cases

# Seconds that all scenarios of a broker may take; a limit for a hang, not a measure.
PATIENCE = 300

TOLD = [
    pytest.param(each, broker, id=f"{broker}-{each.name}") for broker in ("redis", "amqp") for each in SCENARIOS.values()
    if broker in each.on
]


@cache
def real(broker: str) -> dict[str, Answer]:
    """The answers of real workers, from a process of their own: it knows neither the kit's clock nor this one's."""
    finished = subprocess.run(
        [sys.executable, "-m", "scenarios.real", broker],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    answers: dict[str, Any] = json.loads(finished.stdout)
    return answers


@pytest.mark.services
@pytest.mark.parametrize(("scenario", "broker"), TOLD)
def test_the_kit_tells_what_a_real_worker_tells(scenario: Scenario, broker: str) -> None:
    """A scenario comes to the same messages, side effects, results and left-overs in both."""
    if lack := place.lack(broker):
        pytest.skip(lack)
    assert kit_world.answer(scenario, broker) == real(broker)[scenario.name]


def test_there_are_sixty_scenarios() -> None:
    """Sixty scenarios at least."""
    assert len(SCENARIOS) >= 60
