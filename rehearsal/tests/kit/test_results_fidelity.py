"""Callers of a real worker and callers under the kit get the same answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from celery_rehearsal import VirtualCelery

from . import results_play
from .conftest import NOON
from .servers import AMQP, check_rabbitmq, own_redis

pytestmark = [pytest.mark.services, pytest.mark.processes]

# Seconds that the real worker may take for what should take ten; a limit for a hang, not a measure.
PATIENCE = 180


def real(broker: str, backend: str) -> Any:
    """The scenario's answers from a real worker."""
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


@pytest.mark.parametrize("backend", ["redis", "rpc"])
@pytest.mark.parametrize("transport", ["fakeredis", "memory"])
def test_results_are_those_of_a_real_worker(transport: str, backend: str) -> None:
    """Values, errors, groups, chords, saved groups, timeouts, and which keys are left in Redis with a lifetime."""
    with own_redis() as (url, _client):
        if transport == "memory":
            check_rabbitmq()
        servers = (AMQP if transport == "memory" else url, url if backend == "redis" else "rpc://")
        told = real(*servers)
        app = results_play.make_app(*servers)
        with VirtualCelery(app, start=NOON, transport=transport, beats=0):
            answers = results_play.play(app)
            assert [answers, results_play.keys(app)] == told
