"""The coming year of a schedule, in a file that is committed."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery.schedules import crontab
from celery_rehearsal.preflight.entries import reading
from celery_rehearsal.preflight.errors import CannotCheckError
from celery_rehearsal.preflight.lock import YEAR, difference, period, written
from celery_rehearsal.preflight.schedule_report import report

from .schedule_apps import Thirds, make_app

UTC = timezone.utc
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
DAILY = crontab(hour=18, minute=0)


def lock(entries: dict[str, Any], start: datetime = NEW_YEAR, **options: Any) -> str:
    """The lock of an app with these entries."""
    with reading(make_app(entries, **options), start, fresh=True) as read:
        return written(report(read, start + YEAR, ZoneInfo("UTC")))


def test_an_entry_has_its_instants_around_each_change() -> None:
    """With the last before it and two after it, in local time; and a digest of all instants of the year."""
    lines = lock({'the "daily" one': DAILY}).splitlines()
    assert lines[1:12] == [
        "version = 1",
        'from = "2027-01-01T00:00:00Z"',
        'until = "2028-01-02T00:00:00Z"',
        'scheduler = "celery.beat:PersistentScheduler"',
        "",
        "[[entry]]",
        'name = "the \\"daily\\" one"',
        'task = "note"',
        'pattern = "crontab 0 18 * * *"',
        'zone = "Europe/Kyiv"',
        "around = [",
    ]
    spring = "2027-03-27T18:00:00+02:00, 2027-03-28T18:00:00+03:00, 2027-03-29T18:00:00+03:00"
    assert lines[12] == f'    "2027-03-28 gap 03:00-04:00: {spring}",'
    assert lines[15] == "count = 366"
    assert lines[16].startswith('digest = "sha256:')


def test_the_lock_is_toml() -> None:
    """So that other tools can read it."""
    toml = pytest.importorskip("tomllib", reason="Python 3.11 and later have tomllib")
    found = toml.loads(lock({"daily": DAILY, "own": Thirds()}))
    assert [entry["name"] for entry in found["entry"]] == ["daily", "own"]
    assert found["entry"][0]["count"] == 366


def test_the_same_schedule_has_the_same_bytes() -> None:
    """And a schedule object of one's own has no address in it."""
    assert lock({"daily": DAILY, "own": Thirds()}) == lock({"daily": DAILY, "own": Thirds()})
    assert " at 0x" not in lock({"own": Thirds()})


@pytest.mark.parametrize(
    "entries",
    [{"daily": crontab(hour=18, minute=1)}, {"other": DAILY}, {"daily": {"task": "other", "schedule": DAILY}}, {}],
)
def test_each_change_of_an_entry_is_a_difference(entries: dict[str, Any], tmp_path: Path) -> None:
    """Its time, its name, its task, and that it is gone."""
    path = tmp_path / "beat.lock"
    path.write_text(lock({"daily": DAILY}), "utf-8")
    assert difference(path, lock({"daily": DAILY})) == ""
    found = difference(path, lock(entries))
    assert found.startswith(f"--- {path} (committed)\n+++ the schedule now\n")


def test_a_zone_that_changes_is_a_difference(tmp_path: Path) -> None:
    """The setting `timezone` moves every crontab."""
    path = tmp_path / "beat.lock"
    path.write_text(lock({"daily": DAILY}), "utf-8")
    assert '+zone = "Europe/Berlin"\n' in difference(path, lock({"daily": DAILY}, timezone="Europe/Berlin"))


def test_a_lock_keeps_its_year_until_that_has_ended(tmp_path: Path) -> None:
    """So a lock that is written again shows what has changed and nothing else."""
    path, june = tmp_path / "beat.lock", datetime(2027, 6, 5, 7, 30, tzinfo=UTC)
    midnight = datetime(2027, 6, 5, tzinfo=UTC)
    assert period(path, None, june, check=False) == (midnight, midnight + YEAR)
    path.write_text(lock({"daily": DAILY}), "utf-8")
    assert period(path, None, june, check=False) == (NEW_YEAR, NEW_YEAR + YEAR)
    assert period(path, june, june, check=False) == (june, june + YEAR)
    later = midnight + YEAR
    assert period(path, None, later, check=False) == (later, later + YEAR)
    assert period(path, None, later, check=True) == (NEW_YEAR, NEW_YEAR + YEAR)
    with pytest.raises(CannotCheckError, match="is not there"):
        period(tmp_path / "absent", None, june, check=True)
