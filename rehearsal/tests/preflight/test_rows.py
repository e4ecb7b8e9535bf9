"""`celery preflight --rows`: entries that are only in the database of django-celery-beat. S030 without it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import APPS
from .programs import preflight

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("django_celery_beat")

UNKNOWN = (
    "shop/settings.py:11: info: S030 setting 'beat_scheduler': "
    "django_celery_beat.schedulers:DatabaseScheduler can have entries in its store, and they are not checked\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the project, without a database."""
    return shutil.copytree(APPS / "rows", tmp_path / "shop")


def test_rows_are_checked_and_left_as_they_are(shop: Path) -> None:
    """As the entries of the settings are. A row that is off is not, and one that ends at an instant is meant."""
    subprocess.run([sys.executable, "-m", "shop.rows"], cwd=shop, check=True)
    before = (shop / "db.sqlite3").read_bytes()
    done = preflight(shop, "shop", "--rows", "--format", "concise")
    queue = "and the message goes to the queue 'celery'"
    assert done.stdout.splitlines() == [
        f"error: S001 entry 'misspelt': no task of this application is named 'shop.tasks.closed', {queue}",
        "info: S008 entry 'misspelt': 'Europe/Kiev' is an old name of 'Europe/Kyiv'",
        "1 error, 0 warnings, 1 info, 0 suppressed",
    ]
    assert (done.stderr, done.returncode) == ("", 1)
    assert (shop / "db.sqlite3").read_bytes() == before


def test_without_rows_the_store_is_unknown(shop: Path) -> None:
    """That never fails the run, and opens no database."""
    done = preflight(shop, "shop", "--format", "concise", "--fail-on", "info")
    assert (done.stdout, done.stderr) == (UNKNOWN + "0 errors, 0 warnings, 1 info, 0 suppressed\n", "")
    assert done.returncode == 0
    assert not (shop / "db.sqlite3").exists()


def test_database_that_cannot_be_read_is_not_checked(shop: Path) -> None:
    """Here it has no tables."""
    done = preflight(shop, "shop", "--rows")
    assert "preflight could not check: django_celery_beat.schedulers:DatabaseScheduler cannot read" in done.stderr
    assert (done.stdout, done.returncode) == ("", 2)


@pytest.mark.parametrize("scheduler", ["celery.beat:PersistentScheduler", "redbeat.RedBeatScheduler"])
def test_scheduler_without_rows_is_refused(shop: Path, scheduler: str) -> None:
    """RedBeat's entries are on a server."""
    settings = shop / "shop" / "settings.py"
    settings.write_text(settings.read_text().replace("django_celery_beat.schedulers:DatabaseScheduler", scheduler))
    done = preflight(shop, "shop", "--rows")
    assert f"preflight could not check: --rows reads a database, and {scheduler!r} has none" in done.stderr
    assert done.returncode == 2
