"""A task that waits inside a transaction of Django has it for itself, and loses it with its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_a_transaction_belongs_to_the_task_that_waits_in_it() -> None:
    """A kill rolls it back, as the database does; another's query is refused while it is open."""
    pytest.importorskip("django", reason="django is not installed")
    # In a process of its own, because Django has one set of settings.
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    finished = subprocess.run(
        [sys.executable, "-m", "kit.transactions"],
        cwd=Path(__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout)
    assert told["after the kill"] == [[], 0]
    assert "worker2 waits inside transaction.atomic()" in told["refused"]
    assert told["at the end"] == [["kept"], 0]
