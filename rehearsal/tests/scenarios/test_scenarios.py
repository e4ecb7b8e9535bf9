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

if TYPE_CHECKING:
    from .answer import Answer

SCENARIOS = cases.load()

# Seconds that all scenarios of a broker may take; a limit for a hang, not a measure.
PATIENCE = 300

# Seconds of a step for what a busy machine told differently the first time.
PATIENT_STEP = "2.0"

BROKERS = ("redis", "amqp")
TOLD = [
    pytest.param(each.name, broker, id=f"{broker}-{each.name}")
    for broker in BROKERS
    for each in SCENARIOS.values()
    if broker in each.on
]


def start(broker: str, *names: str, **environment: str) -> subprocess.Popen[str]:
    """Start real workers from a process of its own, which knows neither the kit's clock nor this one's."""
    return subprocess.Popen(
        [sys.executable, "-m", "scenarios.real", broker, *names],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(process: subprocess.Popen[str]) -> dict[str, Answer]:
    """What the real workers told."""
    said, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    told: dict[str, Any] = json.loads(said)
    return told


@cache
def started() -> dict[str, subprocess.Popen[str]]:
    """The real workers of every broker that there is, at the same time: they wait more than they compute."""
    return {broker: start(broker) for broker in BROKERS if not place.lack(broker)}


@cache
def kit(name: str, broker: str) -> Answer:
    """The kit's answer."""
    return kit_world.answer(SCENARIOS[name], broker)


@cache
def real(broker: str) -> dict[str, Answer]:
    """The real workers' answers. What the kit does not agree with is told once more, with more time."""
    told = answers(started()[broker])
    doubtful = [name for name, answer in told.items() if not agrees(name, broker, answer)]
    return told | (answers(start(broker, *doubtful, REHEARSAL_STEP=PATIENT_STEP)) if doubtful else {})


def agrees(name: str, broker: str, answer: Answer) -> bool:
    """Whether the kit's answer is the same."""
    try:
        return kit(name, broker) == answer
    except Exception:  # the scenario's own test raises it again
        return False


@pytest.mark.services
@pytest.mark.parametrize(("name", "broker"), TOLD)
def test_the_kit_tells_what_a_real_worker_tells(name: str, broker: str) -> None:
    """A scenario comes to the same messages, side effects, results and left-overs in both."""
    if lack := place.lack(broker):
        pytest.skip(lack)
    told = real(broker)[name]
    assert kit(name, broker) == told


def test_there_are_sixty_scenarios() -> None:
    """Sixty scenarios at least."""
    assert len(SCENARIOS) >= 60
