"""The button, the cutoff and the health check, from a shell."""

from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import override
from freezegun import freeze_time
from pytest_django import Settings

from refunds.apps import LABEL
from refunds.domain import cutoff
from refunds.models import Sweep
from refunds.operations import health, local

from ..factories import CUTOFF, HOUR, NOON, PRESSED, make_requests

pytestmark = pytest.mark.django_db

# The broker's URL as kombu masks it, which its releases do differently.
NOBODY = (
    f"No worker has taken it within 0 s from the broker {current_app.connection_for_write().as_uri()}: no worker reads "
    "this broker, or all are busy. The sweep is stored in the database, and the reconciler sends it to a worker as "
    "soon as one runs. If none runs, start one; if your workers use another broker, name it in CELERY_BROKER_URL."
)


def run(command: str, at: datetime, **options: Any) -> list[str]:
    """Run it at this time, and return the lines that it prints."""
    out = StringIO()
    with freeze_time(at):
        call_command(command, stdout=out, **options)
    return out.getvalue().splitlines()


def start(command: str, at: datetime) -> list[str]:
    """Run a command that starts a sweep. The clock is frozen, and no worker runs: one look at the row is enough."""
    return run(command, at, wait=0)


def test_approve_all_starts_a_sweep_and_prints_what_it_approves() -> None:
    """Counts and totals by currency, and until when the sweep approves."""
    make_requests(3)
    make_requests(1, currency="EUR")
    lines = start("approve_all", PRESSED)
    sweep = Sweep.objects.get()
    until = f"Sweep {sweep.pk} approves them until {local(CUTOFF)}."
    assert lines == ["1 pending, 12.50 EUR", "3 pending, 37.50 GBP", until, NOBODY]
    assert (sweep.started_at, sweep.expires_at) == (PRESSED, CUTOFF)


def test_commands_speak_english_in_a_ukrainian_project(settings: Settings) -> None:
    """People search a shell's output for the words and instants of the documentation."""
    make_requests(1)
    until, declined = local(CUTOFF), local(cutoff.latest(PRESSED))
    settings.LANGUAGE_CODE = "uk"
    assert f" approves them until {until}." in start("approve_all", PRESSED)[1]
    assert start("decline_all", PRESSED)[0].endswith(f" declines what was pending at {declined}.")


def test_approve_all_leaves_what_can_only_be_declined() -> None:
    """Requests received before the last cutoff are counted, and nothing is started for them."""
    make_requests(2, received_at=NOON)
    assert start("approve_all", CUTOFF) == [
        "2 were received before the last cutoff and can only be declined.",
        "Nothing can be approved; nothing was started.",
    ]
    assert not Sweep.objects.exists()


def test_decline_all_starts_the_sweep_of_the_latest_cutoff_once() -> None:
    """At the cutoff and again three hours later, it starts one sweep, of the cutoff."""
    first, second = start("decline_all", CUTOFF), start("decline_all", CUTOFF + 3 * HOUR)
    sweep = Sweep.objects.get()
    assert first == [f"Sweep {sweep.pk} declines what was pending at {local(CUTOFF)}.", NOBODY]
    again = f"Sweep {sweep.pk} has already been started for what was pending at {local(CUTOFF)}."
    assert second == [again, NOBODY]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("command", "at"), [("approve_all", PRESSED), ("decline_all", CUTOFF)])
def test_command_prints_that_a_worker_has_taken_the_sweep(
    monkeypatch: pytest.MonkeyPatch, command: str, at: datetime
) -> None:
    """The row shows it: a worker has planned the sweep."""
    monkeypatch.setitem(current_app.conf, "task_always_eager", True)  # undone by value: conf deletes no name
    make_requests(2, received_at=at - HOUR)
    assert start(command, at)[-1] == "A worker has taken it."


@pytest.mark.parametrize("command", ["approve_all", "decline_all"])
def test_command_shows_no_password_of_the_broker(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The broker that no worker reads is named without its password, and the sweep's row is kept."""
    make_requests(1)
    # Celery prefers the environment.
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:hunter2@127.0.0.1:6399/3")
    out = "\n".join(start(command, PRESSED))
    assert "from the broker redis://:**@127.0.0.1:6399/3: " in out
    assert "hunter2" not in out
    assert Sweep.objects.count() == 1


def test_health_exits_with_1_and_a_line_for_each_overdue_item() -> None:
    """A monitor reads the exit status, an operator the lines: both in English, in whatever language the pages are."""
    assert run("health", NOON) == ["All is well."]
    make_requests()
    start("approve_all", NOON)
    err = StringIO()
    with override("uk"), pytest.raises(SystemExit) as ended:
        run("health", NOON + health.STALLED_AFTER, stderr=err)
    assert ended.value.code == 1
    (line,) = err.getvalue().splitlines()
    assert line.startswith("stalled sweep: ")


def test_health_before_migrate_names_the_missing_migration() -> None:
    """It ends with exit status 2 and one line that says what to run."""
    MigrationRecorder(connection).record_unapplied(LABEL, "0001_initial")
    with pytest.raises(CommandError) as ended:
        call_command("health")
    assert str(ended.value) == f"the database is not fully migrated: it lacks {LABEL}.0001_initial; run migrate first"
    assert ended.value.returncode == 2
