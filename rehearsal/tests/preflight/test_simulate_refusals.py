"""What `celery simulate` refuses, and how it says so: exit status 2."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import Any

import pytest
from celery.beat import PersistentScheduler, Scheduler
from celery.schedules import crontab
from celery_rehearsal import extras
from celery_rehearsal.preflight.durations import duration, words
from celery_rehearsal.preflight.entries import DECLARED
from celery_rehearsal.preflight.errors import CannotCheckError

from .simulate_shop import HOURLY, call, counts, make_shop


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--deploy-every", "12"), "--deploy-every '12' is no duration: write a number with d, h, m or s, such as"),
        (("--deploy-every", "0h"), "--deploy-every '0h' is no duration"),
        (("--running-time", "shop.sync"), "--running-time = 'shop.sync' is no duration"),
        (("--running-time", "shop.other=90s"), "no task is named 'shop.other'"),
        (("--outage", "02:00"), "--outage '' is no time of day: write 02:00"),
        (("--outage", "02:00-02:00"), "--outage '02:00-02:00' has no length: write 02:00-03:30"),
        (("--broker-restart", "weekly"), "--broker-restart 'weekly' is no time of day"),
        (("--broker-restart", "03:00Z"), "--broker-restart '03:00Z' is no time of day"),
        (("--entry", "hourly"), "no entry hourly: beat has sync"),
        (("--scheduler", "nowhere:Scheduler"), "scheduler names 'nowhere:Scheduler', which cannot be imported"),
        (("--broker-restart", "nightly", "--running-time", "shop.sync=90m"), "not simulated: lose_broker() while a"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments: tuple[str, ...], message: str) -> None:
    """On standard error, and nothing on standard output."""
    done = call(make_shop({"sync": HOURLY}), "--days", "1", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "celery simulate could not simulate: " in done.stderr
    assert message in done.stderr


def test_a_broker_that_the_kit_does_not_know_is_refused_until_a_transport_is_named() -> None:
    """Its rules of redelivery are its own."""
    app = make_shop({"sync": HOURLY}, broker="sqs://")
    refused = call(app, "--days", "1").stderr
    assert "the app's broker is sqs" in refused
    assert refused.endswith("To simulate it as RabbitMQ or Redis, add --transport memory or fakeredis\n")
    assert counts(call(app, "--days", "1", "--transport", "memory"), "sync") == {"due": "24", "runs": "24"}


def test_redis_without_the_extra_is_simulated_on_memory_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """The note names what is not shown."""
    monkeypatch.setattr(extras, "missing", lambda _extra: ["fakeredis"])
    done = call(make_shop({"sync": HOURLY}, broker="redis://broker.invalid/0"), "--days", "1")
    assert counts(done, "sync") == {"due": "24", "runs": "24"}
    assert "note: the app's broker is Redis and the kit's extra redis is not installed" in done.stdout


class OwnStore(Scheduler):
    """Reads its entries from a store of its own."""

    def setup_schedule(self) -> None:
        raise AssertionError("preflight must not ask a store")


def test_a_scheduler_with_a_store_of_its_own_is_refused_until_another_is_named() -> None:
    """As by `celery schedule`."""
    app = make_shop({"sync": HOURLY}, beat_scheduler=f"{__name__}:OwnStore")
    done = call(app, "--days", "1")
    assert done.exit_code == 2
    assert f"{__name__}:OwnStore reads its entries in its own way" in done.stderr
    assert counts(call(app, "--days", "1", "--scheduler", DECLARED), "sync") == {"due": "24", "runs": "24"}


def test_a_scheduler_that_keeps_its_file_is_simulated_with_a_file_elsewhere(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application's own schedule file is neither read nor written."""
    monkeypatch.chdir(tmp_path)
    app = make_shop({"sync": HOURLY}, beat_scheduler=f"{__name__}:Plain")
    assert counts(call(app, "--days", "1", "--deploy-every", "7h"), "sync") == {"due": "24", "runs": "24"}
    assert list(tmp_path.iterdir()) == []


class Plain(PersistentScheduler):
    """Celery's own, with another name."""


def test_what_the_kit_does_not_simulate_is_a_note() -> None:
    """Its warnings become notes of the report, each once."""
    done = call(make_shop({"sync": HOURLY}, task_acks_late=True), "--days", "1", "--running-time", "shop.sync=45m")
    assert done.stdout.count("note: ") == 1
    assert "consumer_timeout" in done.stdout


def test_an_error_of_the_applications_code_is_no_finding() -> None:
    """An assertion in a task ends a cluster. The exit status is 2, and the error is shown."""
    app = make_shop({"till": {**HOURLY, "task": "shop.till"}})

    @app.task(shared=False, name="shop.till")
    def till() -> None:
        raise AssertionError("the till is empty")

    done = call(app, "--days", "1", "--real")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "AssertionError: the till is empty" in done.stderr


def test_an_app_without_entries_has_nothing_wrong() -> None:
    """The report says so."""
    done = call(make_shop({}), "--days", "1")
    assert (done.exit_code, done.stdout.endswith("\n\nbeat has no entries\n")) == (0, True)


def test_an_entry_that_is_due_in_the_gap_runs_as_undisturbed() -> None:
    """The undisturbed schedule is what Celery does, not what a clock shows."""
    app = make_shop({"night": {"task": "shop.sync", "schedule": crontab(hour=3, minute=30)}}, timezone="Europe/Kyiv")
    done = call(app, "--from", "2027-03-27T12:00Z", "--days", "2", "--deploy-every", "5h")
    assert (done.exit_code, counts(done, "night")) == (0, {"due": "2", "runs": "2"})


@pytest.mark.parametrize(
    ("written", "seconds", "shown"),
    [("90s", 90, "1 min 30 s"), ("1d12h", 129600, "1 d 12 h"), ("0.5s", 0.5, "0.5 s"), ("1.5h", 5400, "1 h 30 min")],
)
def test_durations_are_read_and_shown(written: str, seconds: float, shown: str) -> None:
    """A number with a unit, as often as wanted."""
    found = duration(written, "--deploy-every")
    assert (found.total_seconds(), words(found)) == (seconds, shown)


@pytest.mark.parametrize("written", ["", "12", "h", "-1h", "1h 30m", "0s"])
def test_other_words_are_no_durations(written: str) -> None:
    """A bare number has no unit, and no time is no duration."""
    with pytest.raises(CannotCheckError, match="is no duration"):
        duration(written, "--deploy-every")


def test_no_time_is_shown_as_seconds() -> None:
    """Not as nothing."""
    assert words(timedelta()) == "0 s"


def test_a_warning_of_the_applications_own_stays_a_warning() -> None:
    """It is no note of the report."""
    app = make_shop({"warn": {**HOURLY, "task": "shop.warn"}})

    @app.task(shared=False, name="shop.warn")
    def warn() -> None:
        warnings.warn("the till is old", DeprecationWarning, stacklevel=1)

    with pytest.warns(DeprecationWarning, match="the till is old"):
        done = call(app, "--days", "1", "--real")
    assert (done.exit_code, "note: " in done.stdout) == (0, False)
