"""django-celery-beat's scheduler under the kit; collected where that package is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_the_database_scheduler(transport: str) -> None:
    """Entries in Django's database fire at their hour; an edit and a switch-off are seen.

    Edited on the 17th from 18:00 to 19:30, the entry counts as overdue since the 16th, and django-celery-beat
    runs it once more as soon as it reads it, two hours before its time: its own behaviour, not the kit's.
    """
    # In a process of its own, because Django has one set of settings, and they are the project's.
    command = [sys.executable, "-m", "kit.database_scheduler", transport]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    tests = Path(__file__).parents[1]
    finished = subprocess.run(command, cwd=tests, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == [
        "15 18:00:00",
        "16 18:00:00",
        "17 17:00:00",
        "17 19:30:00",
    ]
