"""Each scenario by a real worker process, and by the kit: the same answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import cases, kit_world, place
from .answer import Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .answer import Answer

SCENARIOS = cases.load()

# Seconds that all scenarios of a broker may take; a limit for a hang, not a measure.
PATIENCE = 600

# Seconds of a step in further runs of what the kit does not agree with: a busy machine may have been too slow.
PATIENT_STEPS = (2.0, 5.0)

BROKERS = ("redis", "amqp")
TOLD = [
    pytest.param(each.name, broker, id=f"{broker}-{each.name}")
    for broker in BROKERS
    for each in SCENARIOS.values()
    if broker in each.on
]


@cache
def kit(name: str, broker: str) -> Answer:
    """The kit's answer."""
    return kit_world.answer(SCENARIOS[name], broker)


def agrees(name: str, broker: str, answer: Answer) -> bool:
    """Whether the kit's answer is the same."""
    try:
        return kit(name, broker) == answer
    except Exception:  # the scenario's own test raises it again
        return False


class Real:
    """Real workers of all brokers, started at the same time, because they wait more than they compute."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self._started = {broker: start(broker, names[broker]) for broker in names if not place.lack(broker)}
        self._told: dict[str, dict[str, Answer]] = {}

    def answer(self, name: str, broker: str) -> Answer:
        """A scenario's answer. Scenarios that the kit does not agree with are told again, with more time."""
        if broker not in self._told:
            told = self._told[broker] = end(self._started.pop(broker))
            for step in PATIENT_STEPS:
                doubtful = [each for each, found in told.items() if not agrees(each, broker, found)]
                if doubtful:
                    told |= end(start(broker, doubtful, step))
        return self._told[broker][name]

    def close(self) -> None:
        """End what nobody asked for."""
        for process in self._started.values():
            process.send_signal(signal.SIGINT)
            process.communicate()


def start(broker: str, names: list[str], step: float | None = None) -> subprocess.Popen[str]:
    """Start real workers from a process of their own, which knows neither the kit's clock nor this one's."""
    return subprocess.Popen(
        [sys.executable, "-m", "scenarios.real", broker, *names],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | ({"REHEARSAL_STEP": str(step)} if step else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> dict[str, Answer]:
    """What the real workers told."""
    said, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    told: dict[str, Any] = json.loads(said)
    return told


@pytest.fixture(scope="session")
def real(request: pytest.FixtureRequest) -> Iterator[Real]:
    """Real workers for the scenarios that this run of pytest has chosen."""
    names: dict[str, list[str]] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.originalname == TEST:
            params: dict[str, Any] = item.callspec.params
            names.setdefault(params["broker"], []).append(params["name"])
    workers = Real(names)
    yield workers
    workers.close()


@pytest.mark.services
# Celery warns of it and goes on. Raised, as pytest raises warnings, it would be the task's result.
@pytest.mark.filterwarnings("ignore:Exception raised outside body:RuntimeWarning")
@pytest.mark.parametrize(("name", "broker"), TOLD)
def test_the_kit_tells_what_a_real_worker_tells(name: str, broker: str, real: Real) -> None:
    """A scenario comes to the same messages, side effects, results and left-overs in both."""
    if lack := place.lack(broker):
        pytest.skip(lack)
    told = real.answer(name, broker)
    assert kit(name, broker) == told


TEST = test_the_kit_tells_what_a_real_worker_tells.__name__


def test_there_are_sixty_scenarios() -> None:
    """Sixty scenarios at least."""
    assert len(SCENARIOS) >= 60


@pytest.mark.parametrize(("ordered", "alike"), [(False, True), (True, False)])
def test_two_workers_decide_the_order_of_their_runs(ordered: bool, alike: bool) -> None:
    """A scenario without order tells alike of two workers that run one message, whichever is faster."""
    by_turns = ["received", "started", "received", "started"]
    at_once = ["received", "received", "started", "started"]
    stories = [Story([("id", kind, "job", "", 1) for kind in kinds]) for kinds in (by_turns, at_once)]
    first, second = (story.answer({}, {}, ordered=ordered) for story in stories)
    assert (first == second) is alike
