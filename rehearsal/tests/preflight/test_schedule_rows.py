"""`celery schedule` with django-celery-beat's scheduler: it reads the database that Django has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django_celery_beat", reason="django-celery-beat is not installed")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What schedule_rows.py prints, in a process of its own: Django has one set of settings."""
    database = tmp_path_factory.mktemp("rows") / "db.sqlite3"
    command = [sys.executable, "-m", "preflight.schedule_rows", str(database)]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    tests = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=tests, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_rows_are_sent_in_their_own_zones(found: Any) -> None:
    """Those of other hours too, which the scheduler leaves out while they are not near; and what settings declare."""
    assert found["sent"]["berlin"] == ["2027-03-28T05:00:00Z", "2027-03-29T05:00:00Z"]
    assert found["zones"]["berlin"] == "Europe/Berlin"
    assert found["sent"]["declared"] == ["2027-03-27T16:00:00Z", "2027-03-28T15:00:00Z"]


def test_an_interval_goes_on_from_its_last_run(found: Any) -> None:
    """As the database says it, and the output says that it does."""
    assert found["sent"]["interval"][0] == "2027-03-27T18:00:00Z"
    assert found["notes"]["interval"] == ["last sent at 2027-03-27T08:00:00Z, as the scheduler's store says"]


def test_rows_that_end_are_sent_until_then(found: Any) -> None:
    """One that is off, one that runs once, and one that expires."""
    assert "off" not in found["sent"]
    assert found["sent"]["once"] == ["2027-03-27T18:00:00Z"]
    assert found["sent"]["ends"] == found["sent"]["interval"][:2]


def test_no_row_is_changed(found: Any) -> None:
    """Neither by the scheduler's start, which writes declared entries, nor by a row that expires or a simulation."""
    assert found["unchanged"] is True


def test_a_simulation_of_rows_is_refused(found: Any) -> None:
    """Beat would write to the rows. The message names a scheduler that can be simulated."""
    code, out, err = found["simulated"]
    assert (code, out) == (2, "")
    assert "django-celery-beat's scheduler keeps its entries in a database" in err
    assert "add --scheduler celery.beat:PersistentScheduler" in err


def test_a_database_that_cannot_be_read_is_refused(found: Any) -> None:
    """With the scheduler's name and the database's words."""
    code, out, err = found["bare"]
    assert (code, out) == (2, "")
    assert "django_celery_beat.schedulers:DatabaseScheduler cannot read its entries: OperationalError" in err
    assert err.endswith(
        "To see the entries that the settings declare, add --scheduler celery.beat:PersistentScheduler\n"
    )
