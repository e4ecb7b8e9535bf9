"""`celery -A proj simulate`: what goes wrong with an application's entries in virtual time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from celery.bin.celery import celery
from celery.schedules import crontab
from celery_rehearsal.preflight.simulate_command import simulate
from click.testing import CliRunner

from .optional import needs_redis
from .simulate_shop import DAILY, EACH_DAY, FROM, HOURLY, MINUTELY, call, counts, effects, make_shop

DEPLOYS = ("--deploy-every", "12h")


def test_nothing_is_wrong_with_a_month_of_a_daily_and_an_hourly_entry() -> None:
    """Each runs when it is due, and the exit status is 0."""
    done = call(make_shop({"close": DAILY, "sync": HOURLY}))
    assert (done.exit_code, done.stderr) == (0, "")
    assert counts(done, "close") == {"due": "30", "runs": "30"}
    assert counts(done, "sync") == {"due": "720", "runs": "720"}


def test_a_lost_schedule_file_and_frequent_deploys_leave_a_daily_interval_without_a_run() -> None:
    """Each deploy begins the interval again. The timeline shows them."""
    done = call(make_shop({"clean": EACH_DAY, "close": DAILY}), *DEPLOYS, "--beat-disk", "lost")
    assert done.exit_code == 1
    assert counts(done, "clean") == {"due": "30", "missed": "30", "late by": "-"}
    assert counts(done, "close") == {"due": "30", "runs": "30"}
    block = done.stdout.partition("clean: shop.clean, every 86400 s\n")[2].splitlines()
    assert block[0] == "  ! missed 30, first 2027-01-02T00:00:00Z"
    assert len(block[1:]) == 20
    assert sum("beat started" in line and "fresh" in line for line in block) == 4


def test_a_kept_schedule_file_lets_a_daily_interval_run_on_each_day() -> None:
    """The same deploys do not matter then."""
    done = call(make_shop({"clean": EACH_DAY}), *DEPLOYS, "--beat-disk", "kept")
    assert done.exit_code == 0
    assert counts(done, "clean") == {"due": "30", "runs": "30"}


def test_two_beats_send_each_firing_twice() -> None:
    """Every entry is doubled, and nothing is missed."""
    done = call(make_shop({"close": DAILY, "sync": HOURLY}), "--days", "2", "--beats", "2")
    assert done.exit_code == 1
    assert counts(done, "close") == {"due": "2", "runs": "4", "doubled": "2"}
    assert counts(done, "sync") == {"due": "48", "runs": "96", "doubled": "48"}


@pytest.mark.parametrize(
    "broker", ["amqp://broker.invalid//", pytest.param("redis://broker.invalid/0", marks=needs_redis)]
)
def test_a_message_that_expires_in_an_outage_of_the_workers_is_expired_unread(broker: str) -> None:
    """RabbitMQ drops it, Redis leaves that to the worker that comes back. Without `expires` it runs late."""
    short = {**HOURLY, "options": {"expires": 600}}
    done = call(make_shop({"short": short, "sync": HOURLY}, broker), "--days", "1", "--outage", "02:30-03:30")
    assert done.exit_code == 1
    assert counts(done, "short") == {"due": "24", "runs": "23", "missed": "1", "expired unread": "1"}
    assert counts(done, "sync") == {"due": "24", "runs": "24", "late by": "30 min"}
    assert "  ! late 1, first 2027-01-01T03:00:00Z" in done.stdout


def test_an_outage_of_beat_misses_what_is_due_in_it_but_once() -> None:
    """Beat catches up with one message when it comes back with its file."""
    done = call(make_shop({"sync": HOURLY}), "--days", "1", "--outage", "02:30-05:30", "--outage-of", "beats")
    assert done.exit_code == 1
    assert counts(done, "sync") == {"due": "24", "runs": "22", "missed": "2", "late by": "30 min"}


def test_an_outage_over_midnight_is_one_outage() -> None:
    """It begins on one day and ends on the next; one that lasts at --from begins there."""
    done = call(make_shop({"sync": HOURLY}), "--days", "1", "--outage", "23:30-00:30", "--outage-of", "all")
    assert counts(done, "sync") == {"due": "24", "runs": "23", "missed": "1"}
    assert "beats and workers are down from 23:30 to 00:30 each day" in done.stdout


def test_a_run_longer_than_its_period_overlaps_where_the_worker_has_slots() -> None:
    """Each but the first of the hour begins while another runs."""
    arguments = ("--days", "1", "--running-time", "shop.poll=90s", "--concurrency", "2")
    done = call(make_shop({"poll": MINUTELY}), *arguments)
    assert done.exit_code == 1
    assert counts(done, "poll") == {"due": "60", "runs": "60", "overlaps": "58"}


def test_a_run_longer_than_its_period_falls_behind_where_the_worker_has_one_slot() -> None:
    """Each run begins 30 seconds later than the one before, until the hour is over."""
    done = call(make_shop({"poll": MINUTELY}), "--days", "1", "--running-time", "shop.poll=1m30s")
    assert done.exit_code == 1
    assert counts(done, "poll") == {"due": "60", "runs": "60", "late by": "29 min"}


def test_a_margin_decides_which_run_is_late() -> None:
    """A run that begins 30 minutes after its firing is fine with a margin of 30."""
    app = make_shop({"sync": HOURLY})
    arguments = ("--days", "1", "--outage", "02:30-03:30", "--margin")
    assert [call(app, *arguments, margin).exit_code for margin in ("29", "30")] == [1, 0]


@needs_redis
def test_a_late_acked_run_beyond_the_visibility_timeout_is_redelivered() -> None:
    """Redis gives the message to a worker again while it still runs."""
    app = make_shop({"close": DAILY}, "redis://broker.invalid/0", task_acks_late=True)
    done = call(app, "--days", "1", "--running-time", "shop.close=2h", "--concurrency", "3")
    assert done.exit_code == 1
    found = counts(done, "close")
    assert (found["due"], found.get("missed", "0")) == ("1", "0")
    assert int(found["redelivered"]) > 0
    assert int(found["overlaps"]) > 0
    assert int(found["runs"]) > 1
    assert "redelivered after the visibility timeout" in done.stdout
    assert call(app, "--days", "1", "--running-time", "shop.close=30m").exit_code == 0


def test_a_broker_that_restarts_without_a_disk_loses_what_waits() -> None:
    """Messages that a later outage's end would have let run are missed."""
    arguments = ("--days", "1", "--outage", "02:30-03:30", "--broker-restart", "03:15")
    done = call(make_shop({"sync": HOURLY}), *arguments)
    assert done.exit_code == 1
    assert counts(done, "sync") == {"due": "24", "runs": "23", "missed": "1"}
    assert "broker lost" in done.stdout


def test_a_message_that_the_broker_loses_has_not_expired() -> None:
    """It is missed; had it expired before, it would be expired unread too."""
    entries = {str(each): {**HOURLY, "options": {"expires": each}} for each in (600, 1200)}
    arguments = ("--days", "1", "--outage", "02:30-03:30", "--broker-restart", "03:15")
    done = call(make_shop(entries), *arguments)
    assert counts(done, "600") == {"due": "24", "runs": "23", "missed": "1", "expired unread": "1"}
    assert counts(done, "1200") == {"due": "24", "runs": "23", "missed": "1"}


def test_what_has_expired_where_it_waits_is_not_waiting() -> None:
    """The run that is under way goes on beyond the end, and what waits behind it cannot run any more."""
    entries = {"long": {"task": "shop.close", "schedule": crontab(hour=21, minute=59)}}
    app = make_shop(entries | {"short": {**HOURLY, "options": {"expires": 600}}, "sync": HOURLY})
    done = call(app, "--days", "1", "--running-time", "shop.close=3h")
    assert counts(done, "long") == {"due": "1", "runs": "1"}
    assert counts(done, "short") == {"due": "24", "runs": "21", "missed": "2", "expired unread": "2", "waiting": "1"}
    assert counts(done, "sync") == {"due": "24", "runs": "21", "late by": "2 h", "waiting": "3"}


def test_nightly_is_three_in_the_apps_zone() -> None:
    """The head of the report says so."""
    done = call(make_shop({"sync": HOURLY}), "--days", "1", "--broker-restart", "nightly")
    assert (done.exit_code, counts(done, "sync")) == (0, {"due": "24", "runs": "24"})
    assert "the broker restarts at 03:00 each day, and every message is lost\n" in done.stdout


def test_a_run_that_an_outage_kills_is_missed() -> None:
    """It was acknowledged as it began, so nobody runs it again."""
    app = make_shop({"sync": HOURLY})
    arguments = ("--days", "1", "--running-time", "shop.sync=10m", "--outage", "02:05-02:30")
    assert counts(call(app, *arguments), "sync") == {"due": "24", "runs": "24", "missed": "1"}


def test_a_task_that_no_worker_has_is_missed() -> None:
    """The worker throws its messages away."""
    done = call(make_shop({"typo": {"task": "shop.unknown", "schedule": crontab(minute=0)}}), "--days", "1")
    assert done.exit_code == 1
    assert counts(done, "typo") == {"due": "24", "missed": "24", "late by": "-"}


def test_arguments_that_do_not_fit_are_never_sent() -> None:
    """Beat itself refuses them, as in production. The timeline shows beat without a message."""
    done = call(make_shop({"sync": {**HOURLY, "kwargs": {"unknown": 1}}}), "--days", "1")
    assert done.exit_code == 1
    assert counts(done, "sync") == {"due": "24", "missed": "24", "late by": "-"}


def test_a_task_that_raises_has_failed_and_not_missed() -> None:
    """With --real. A stub never fails."""
    app = make_shop({"sync": {**HOURLY, "args": ("boom",)}})
    assert call(app, "--days", "1").exit_code == 0
    done = call(app, "--days", "1", "--real")
    assert done.exit_code == 1
    assert counts(done, "sync") == {"due": "24", "runs": "24", "failed": "24"}


def test_tasks_run_only_when_asked_for() -> None:
    """--real runs their bodies, with the arguments of the entry."""
    app = make_shop({"sync": {**HOURLY, "args": ("ran",)}})
    assert (call(app, "--days", "1").exit_code, effects) == (0, [])
    assert (call(app, "--days", "1", "--real").exit_code, effects) == (0, ["ran"] * 24)


def test_the_application_is_as_before() -> None:
    """Its settings, its tasks with their bodies, and what it keeps."""

    def look(app: Any) -> tuple[Any, ...]:
        bodies = {name: vars(task).get("run", type(task).run) for name, task in app.tasks.items()}
        return dict(vars(app)), dict(app.conf), bodies, dict(vars(app._local))

    app = make_shop({"clean": EACH_DAY, "sync": HOURLY})
    # The first simulation imports and finalizes the app, as `celery schedule` does.
    call(app, "--days", "1")
    before = look(app)
    call(app, "--days", "2", *DEPLOYS, "--beat-disk", "lost", "--beats", "2", "--outage", "02:30-03:30")
    assert look(app) == before


def test_the_same_input_gives_the_same_bytes_and_another_seed_other_ids() -> None:
    """In both formats."""
    app = make_shop({"sync": HOURLY})
    for format_ in ("table", "json"):
        arguments = ("--days", "1", "--outage", "02:30-03:30", "--format", format_)
        first = call(app, *arguments).stdout
        assert call(app, *arguments).stdout == first
        assert call(app, *arguments, "--seed", "1").stdout != first


def test_json_has_the_counts_the_seconds_and_the_timeline() -> None:
    """One object for each entry; a timeline only where something is wrong."""
    app = make_shop({"close": DAILY, "sync": HOURLY})
    found = json.loads(call(app, "--days", "1", "--outage", "02:30-03:30", "--format", "json").stdout)
    assert {name: found[name] for name in ("version", "app", "transport", "seed", "margin", "wrong")} == {
        "version": 1,
        "app": "shop",
        "transport": "memory",
        "seed": 0,
        "margin": 300.0,
        "wrong": True,
    }
    close, sync = found["entries"]
    assert (close["due"], close["runs"], close["late_by"], close["timeline"]) == (1, 1, 0.0, [])
    assert (sync["sent"], sync["runs"], sync["late"], sync["late_by"]) == (24, 24, 1, 1800.0)
    assert sync["troubles"] == ["late 1, first 2027-01-01T03:00:00Z"]
    assert len(sync["timeline"]) == 20


def test_entry_reports_only_that_entry_and_lets_the_others_run() -> None:
    """A long run of another task makes it late all the same, and its timeline names that task."""
    app = make_shop({"close": {**DAILY, "schedule": crontab(hour=1, minute=59)}, "sync": HOURLY})
    done = call(app, "--days", "1", "--running-time", "shop.close=30m", "--entry", "sync")
    assert counts(done, "sync") == {"due": "24", "runs": "24", "late by": "29 min"}
    assert "\nclose " not in done.stdout
    assert "shop.close" in done.stdout.partition("  ! late 1")[2]


def test_the_table_shows_three_timelines_and_names_the_other_entries() -> None:
    """So that a long report stays readable."""
    app = make_shop(dict.fromkeys(("a", "b", "c", "d", "e"), HOURLY))
    done = call(app, "--days", "1", "--beats", "2")
    assert done.stdout.count("local  ") == 3
    assert done.stdout.endswith("\n\n--entry NAME shows the timeline of another entry: d, e\n")


def test_it_is_a_command_of_celery(monkeypatch: pytest.MonkeyPatch) -> None:
    """With -A, as every command of Celery's."""
    monkeypatch.setitem(celery.commands, "simulate", simulate)
    done = CliRunner().invoke(celery, ["-A", "preflight.simulate_shop", "simulate", *FROM, "--days", "1"])
    assert "shop: 2027-01-01T00:00:00Z to 2027-01-02T00:00:00Z" in done.output
