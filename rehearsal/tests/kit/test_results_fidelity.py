"""Callers of a real worker and callers under the kit get the same answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import kombu
import pytest
from celery_rehearsal import VirtualCelery

from . import results_play
from .conftest import NOON

pytestmark = [pytest.mark.services, pytest.mark.processes]

REDIS = os.environ.get("REHEARSAL_REDIS", "redis://localhost:6379/9")
RABBITMQ = os.environ.get("REHEARSAL_RABBITMQ", "amqp://guest:guest@localhost:5672//")

# Seconds that the real worker may take for what should take ten; a limit for a hang, not a measure.
PATIENCE = 180


def real(broker: str, backend: str) -> Any:
    """The scenario's answers from a real worker. Skips where no broker answers."""
    try:
        with kombu.Connection(broker, connect_timeout=3) as connection:
            connection.connect()
    except OSError as error:
        pytest.skip(
            f"{broker} does not answer ({error}): start one, or say in REHEARSAL_REDIS or REHEARSAL_RABBITMQ where"
        )
    finished = subprocess.run(
        [sys.executable, "-m", "kit.results_play", broker, backend],
        cwd=Path(__file__).parents[1],
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.mark.parametrize(
    ("broker", "backend", "transport"),
    [
        (REDIS, REDIS, "fakeredis"),
        (REDIS, "rpc://", "fakeredis"),
        (RABBITMQ, "rpc://", "memory"),
        (RABBITMQ, REDIS, "memory"),
    ],
)
def test_results_are_those_of_a_real_worker(broker: str, backend: str, transport: str) -> None:
    """Values, errors, groups, chords, saved groups, timeouts, and which keys are left in Redis with a lifetime."""
    told = real(broker, backend)
    app = results_play.make_app(broker, backend)
    with VirtualCelery(app, start=NOON, transport=transport, beats=0):
        answers = results_play.play(app)
        assert [answers, results_play.keys(app)] == told
