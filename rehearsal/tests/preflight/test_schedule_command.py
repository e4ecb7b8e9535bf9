"""`celery -A proj schedule`, as a project calls it."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.bin.base import CLIContext
from celery.bin.celery import celery
from celery_rehearsal.preflight.schedule_command import schedule
from click.testing import CliRunner

from . import schedule_shop
from .schedule_apps import Broken, make_app

if TYPE_CHECKING:
    from pathlib import Path

    from celery import Celery
    from click.testing import Result

FROM = ("--from", "2027-03-27T12:00Z", "--zone", "America/New_York")


def call(*arguments: str, app: Celery = schedule_shop.app) -> Result:
    """What the command does and prints."""
    context = CLIContext(app=app, no_color=True, workdir=None)
    return CliRunner().invoke(schedule, arguments, obj=context)


def test_it_is_a_command_of_celery(monkeypatch: pytest.MonkeyPatch) -> None:
    """With -A, as every command of Celery's."""
    monkeypatch.setitem(celery.commands, "schedule", schedule)
    command = ["-A", "preflight.schedule_shop", "schedule", *FROM, "--days", "1", "--entry", "daily"]
    done = CliRunner().invoke(celery, command)
    assert done.exit_code == 0, done.output
    assert "Sat 2027-03-27 18:00:00" in done.output


def test_the_table_has_three_zones_and_names_the_gap() -> None:
    """The entry's zone, the viewer's and UTC; and what beat does with a time that does not exist."""
    done = call(*FROM, "--days", "2", "--entry", "night", "--entry", "daily")
    assert done.exit_code == 0, done.output
    gap = "2027-03-28, gap: Europe/Kyiv skips 03:00 to 04:00"
    assert done.stdout.splitlines() == [
        "shop: 2027-03-27T12:00:00Z to 2027-03-29T12:00:00Z, by celery.beat:PersistentScheduler",
        "",
        "Europe/Kyiv: gap: clocks skip 03:00 to 04:00 on 2027-03-28 (2027-03-28T01:00:00Z)",
        "",
        "daily: shop.report, crontab 0 18 * * *, Europe/Kyiv",
        "  Europe/Kyiv             America/New_York        UTC",
        "  Sat 2027-03-27 18:00:00 Sat 2027-03-27 12:00:00 Sat 2027-03-27 16:00:00",
        "  Sun 2027-03-28 18:00:00 Sun 2027-03-28 11:00:00 Sun 2027-03-28 15:00:00",
        "",
        "night: shop.count, crontab 30 3 * * *, Europe/Kyiv",
        f"  ! {gap}; 03:30 does not exist: beat sends it at 04:30 (01:30 UTC)",
        "  Europe/Kyiv             America/New_York        UTC",
        "  Sun 2027-03-28 04:30:00 Sat 2027-03-27 21:30:00 Sun 2027-03-28 01:30:00",
        "  Mon 2027-03-29 03:30:00 Sun 2027-03-28 20:30:00 Mon 2027-03-29 00:30:00",
    ]


def test_an_interval_says_where_it_counts_from() -> None:
    """From the start of beat, which a lost schedule file starts again."""
    done = call("--from", "2027-07-01T12:00Z", "--zone", "UTC", "--days", "1", "--entry", "each day")
    assert done.stdout.splitlines()[2:] == [
        "each day: shop.clean, every 86400 s, Europe/Kyiv",
        "  note: an interval: it counts from the start of beat, here 2027-07-01T12:00:00Z",
        "  note: a beat that starts again without its schedule file begins the interval again",
        "  Europe/Kyiv             UTC",
        "  Fri 2027-07-02 15:00:00 Fri 2027-07-02 12:00:00",
    ]


def test_a_long_list_is_cut_unless_one_entry_is_asked_for() -> None:
    """The table says how many it leaves out, and how to see them."""
    assert "  and 2,870 more; --entry poll lists them" in call(*FROM, "--days", "1").stdout.splitlines()
    assert len(call(*FROM, "--days", "1", "--entry", "poll").stdout.splitlines()) == 2880 + 8
    only = make_app({"poll": timedelta(seconds=30)})
    assert "  and 2,870 more; --entry poll lists them" in call(*FROM, "--days", "1", app=only).stdout.splitlines()


def test_a_time_without_a_zone_is_the_viewers() -> None:
    """So that --from and what is printed are in one zone."""
    found = json.loads(call("--from", "2027-07-01", "--zone", "Asia/Tokyo", "--format", "json").stdout)
    assert (found["from"], found["until"]) == ("2027-06-30T15:00:00Z", "2027-07-07T15:00:00Z")


def test_the_hosts_zone_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """As TZ names it."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert json.loads(call("--from", "2027-07-01", "--format", "json").stdout)["viewer_zone"] == "Asia/Tokyo"


def test_json_has_every_entry_change_and_instant() -> None:
    """And the same input gives the same bytes."""
    first = call(*FROM, "--days", "2", "--format", "json").stdout
    found = json.loads(first)
    assert found["changes"] == [
        {
            "zone": "Europe/Kyiv",
            "kind": "gap",
            "at": "2027-03-28T01:00:00Z",
            "first": "2027-03-28T03:00:00",
            "last": "2027-03-28T04:00:00",
        }
    ]
    night = next(entry for entry in found["entries"] if entry["name"] == "night")
    assert night["remarks"][0]["named"] == ["2027-03-28T03:30:00"]
    assert night["remarks"][0]["sent"] == ["2027-03-28T01:30:00Z"]
    assert night["firings"][0] == {
        "utc": "2027-03-28T01:30:00Z",
        "local": "2027-03-28T04:30:00+03:00",
        "viewer": "2027-03-27T21:30:00-04:00",
    }
    assert [len(entry["firings"]) for entry in found["entries"]] == [2, 2, 2, 5760]
    assert call(*FROM, "--days", "2", "--format", "json").stdout == first


def test_csv_has_a_row_for_each_instant_in_order() -> None:
    """Also of a name with a comma."""
    app = make_app({"a, b": schedule_shop.entries["daily"], "c": schedule_shop.entries["night"]})
    rows = list(csv.DictReader(io.StringIO(call(*FROM, "--days", "1", "--format", "csv", app=app).stdout)))
    assert [(row["entry"], row["utc"]) for row in rows] == [
        ("a, b", "2027-03-27T16:00:00Z"),
        ("c", "2027-03-28T01:30:00Z"),
    ]


def test_openmetrics_is_what_its_parser_reads() -> None:
    """A gauge for each entry, with the seconds since 1970 at which beat sends it first."""
    parser: Any = pytest.importorskip("prometheus_client.openmetrics.parser", reason="prometheus_client is missing")
    text = call(*FROM, "--format", "openmetrics").stdout
    (family,) = parser.text_string_to_metric_families(text)
    assert (family.name, family.type, family.unit) == ("celery_beat_next_run_timestamp_seconds", "gauge", "seconds")
    daily = next(sample for sample in family.samples if sample.labels["entry"] == "daily")
    assert daily.labels == {"entry": "daily", "task": "shop.report", "zone": "Europe/Kyiv"}
    assert daily.value == 1806163200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--entry", "nightly"), "no entry nightly: beat has daily, each day, night, poll"),
        (("--zone", "Europe/Nowhere"), "'Europe/Nowhere' is no time zone that Python knows"),
        (("--from", "tomorrow"), "--from 'tomorrow' is no date or time: write 2027-03-28"),
        (("--days", "100", "--format", "csv"), "firings, most of them of entry poll, are more than a list of 200,000"),
        (("--check",), "--check compares a lock: add --lock"),
        (("--scheduler", "nowhere:Scheduler"), "scheduler names 'nowhere:Scheduler', which cannot be imported"),
    ],
)
def test_what_it_cannot_tell_is_said_and_ends_with_2(arguments: tuple[str, ...], message: str) -> None:
    """On standard error, and nothing on standard output."""
    done = call(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_an_entry_that_fails_ends_with_2() -> None:
    """It is named."""
    done = call(*FROM, app=make_app({"bad": Broken()}))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "celery schedule cannot tell: entry bad: its schedule" in done.stderr


def test_an_app_that_does_not_load_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solar schedule without ephem is one reason; Celery's own words name it."""
    monkeypatch.setitem(sys.modules, "ephem", None)
    done = call(*FROM, app=make_app(imports=["preflight.schedule_sunset"]))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the application 'shop' cannot be loaded: " in done.stderr
    assert "ephem" in done.stderr


def test_an_app_without_entries_has_an_empty_schedule() -> None:
    """In every format."""
    app = make_app()
    assert call(*FROM, app=app).stdout.endswith("beat has no entries\n")
    for name in ("json", "csv", "ics", "svg", "openmetrics"):
        assert call(*FROM, "--format", name, app=app).exit_code == 0


def test_a_lock_is_compared(tmp_path: Path) -> None:
    """It is written, found equal on any day of its year, and found different when the schedule changes."""
    lock = str(tmp_path / "beat.lock")
    assert call("--lock", lock, "--from", "2027-01-01T00:00Z").exit_code == 0
    same = call("--lock", lock, "--check")
    assert (same.exit_code, same.stdout) == (0, "")
    moved = make_app({**schedule_shop.entries, "daily": schedule_shop.entries["night"]})
    found = call("--lock", lock, "--check", app=moved)
    assert found.exit_code == 1
    assert '-pattern = "crontab 0 18 * * *"\n' in found.stdout
    assert '+pattern = "crontab 30 3 * * *"\n' in found.stdout


def test_a_lock_that_is_missing_cannot_be_compared(tmp_path: Path) -> None:
    """Nor can a file that is no lock."""
    done = call("--lock", str(tmp_path / "absent"), "--check")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "absent is not there: write it with `celery schedule --lock`" in done.stderr
    (tmp_path / "other").write_text("[tool]\n")
    assert "is no lock of a schedule" in call("--lock", str(tmp_path / "other"), "--check").stderr
    assert call("--lock", str(tmp_path / "other")).exit_code == 2
    assert (tmp_path / "other").read_text() == "[tool]\n"
