"""django-celery-beat's scheduler under the kit; collected where that package is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_the_database_scheduler(transport: str) -> None:
    """Entries in Django's database fire at their hour; an edit and a switch-off are seen.

    Edited on the 17th from 18:00 to 19:30, the entry counts as overdue since the 16th, and django-celery-beat
    runs it once more as soon as it reads it, two hours before its time: its own behaviour, not the kit's.
    """
    assert printed_by("database_scheduler", transport) == [
        "15 18:00:00",
        "16 18:00:00",
        "17 17:00:00",
        "17 19:30:00",
    ]


@pytest.fixture(scope="module")
def answers() -> Any:
    """What clusters say of rows that were made before them."""
    return printed_by("database_rows")


def test_row_of_real_time_is_refused_by_name(answers: Any) -> None:
    """Its date_changed counts as its last run, and it would wait for the test's own date."""
    assert "entry 'row of today' last ran at 20" in answers["row of today"]
    assert "PeriodicTask.objects.update(last_run_at=start)" in answers["row of today"]
    assert answers["repaired"] == 1


def test_row_that_fires_all_the_same_is_not_refused(answers: Any) -> None:
    """A last run between now and the next hour changes nothing, and a clocked row has its own instant."""
    assert answers["18:00 comes all the same"] == 1
    assert answers["clocked"] == 1


def test_row_is_known_before_it_has_fired(answers: Any) -> None:
    """Also hours before the scheduler reads it; the app's beat_scheduler chose the class."""
    assert answers["before it has fired"] is None
    assert "no entry is named 'row of toady'; check the spelling; near names: row of today" in answers["misspelled"]


def printed_by(scenario: str, *arguments: str) -> Any:
    """Run a scenario in a process of its own, because Django has one set of settings, and they are the project's."""
    command = [sys.executable, "-m", f"kit.{scenario}", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    tests = Path(__file__).parents[1]
    finished = subprocess.run(command, cwd=tests, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)
