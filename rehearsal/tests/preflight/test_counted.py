"""The simulation of `preflight --against`: when it begins, what it counts, and what cannot be compared."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from celery.schedules import crontab
from celery_rehearsal.preflight.counted import Counted, begin, counted, differences

from .simulate_shop import EACH_DAY, HOURLY, make_shop

UTC = timezone.utc
START = datetime(2027, 1, 1, 8, tzinfo=UTC)
NOWHERE = Path("there is no such folder")
COUNTS = {"messages": 3, "runs": 3, "missed": 0}


def side(transport: str = "memory", **entries: dict[str, int]) -> dict[str, Any]:
    """What a side answers."""
    return {"transport": transport, "entries": entries}


def test_simulation_has_the_next_change_of_the_clocks_in_its_middle() -> None:
    """It begins at midnight in UTC, and not before --from. Without a change it begins then."""
    assert begin(ZoneInfo("Europe/Kyiv"), START, 7) == datetime(2027, 3, 24, tzinfo=UTC)
    late = datetime(2027, 3, 27, 8, tzinfo=UTC)
    assert begin(ZoneInfo("Europe/Kyiv"), late, 7) == late
    assert begin(UTC, START, 7) == START


def test_counts_are_those_of_the_summary() -> None:
    """Of each entry that the settings declare, whatever scheduler the application names."""
    app = make_shop({"sync": HOURLY, "clean": EACH_DAY}, beat_scheduler="nowhere:Scheduler")
    found = counted(app, START, 2, NOWHERE)
    assert found["transport"] == "memory"
    assert {name: (each["messages"], each["runs"]) for name, each in found["entries"].items()} == {
        "clean": (2, 2),
        "sync": (48, 48),
    }


def test_countdown_makes_runs_late() -> None:
    """The schedule is the same, and what a worker does with the messages is not."""
    entry = {"task": "shop.sync", "schedule": crontab(hour=9, minute=0)}
    now, later = (
        counted(make_shop({"sync": {**entry, "options": options}}), START, 2, NOWHERE)
        for options in ({}, {"countdown": 600})
    )
    assert differences(later, now, "HEAD") == ((Counted("sync", {"late": (2, 0)}),), [])


def test_an_application_that_cannot_be_simulated_says_why() -> None:
    """By the kit's own words."""
    assert (
        "the app's broker is sqs" in counted(make_shop({"sync": HOURLY}, broker="sqs://"), START, 1, NOWHERE)["failure"]
    )


def test_sides_run_as_pyproject_declares(tmp_path: Path) -> None:
    """An interval that no deploy lets end does not run; `simulate = false` and a value that is wrong are failures."""
    declare(tmp_path, 'deploy_every = "12h"', 'beat_disk = "lost"')
    interval, daily = (
        counted(make_shop({"clean": entry}), START, 3, tmp_path)
        for entry in (EACH_DAY, {"task": "shop.clean", "schedule": crontab(hour=9, minute=0)})
    )
    (found,), _ = differences(daily, interval, "HEAD")
    assert str(found) == "3 messages instead of 0, 3 runs instead of 0, 0 missed instead of 3"
    for line, why in ("simulate = false", "says `simulate = false`"), ('deploy_every = "soon"', "deploy_every"):
        declare(tmp_path, line)
        assert why in counted(make_shop({"clean": EACH_DAY}), START, 3, tmp_path)["failure"]


def declare(folder: Path, *lines: str) -> None:
    """Write the table of preflight."""
    (folder / "pyproject.toml").write_text("\n".join(["[tool.celery-rehearsal.preflight]", *lines]))


def test_entries_of_both_sides_are_compared_by_each_count() -> None:
    """An entry of one side only is in what moves."""
    found = differences(
        side(sync=COUNTS, clean={**COUNTS, "runs": 0, "missed": 3}, new=COUNTS),
        side(sync=COUNTS, clean=COUNTS, old=COUNTS),
        "HEAD",
    )
    assert found == ((Counted("clean", {"runs": (0, 3), "missed": (3, 0)}),), [])


def test_a_side_that_cannot_be_simulated_is_a_failure() -> None:
    """Which names the side."""
    assert differences(side(sync=COUNTS), {"failure": "no broker"}, "HEAD") == (
        (),
        ["with HEAD, the simulation: no broker"],
    )


def test_sides_on_different_transports_are_not_compared() -> None:
    """One environment has fakeredis, and the other has not."""
    found, failures = differences(side("fakeredis", sync=COUNTS), side(sync=COUNTS), "HEAD")
    assert found == ()
    assert failures[0].startswith("the simulation runs on fakeredis here and on memory with HEAD")
