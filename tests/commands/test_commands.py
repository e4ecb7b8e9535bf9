"""The button, the cut-off and the health check, from a shell."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from freezegun import freeze_time

from celery_app import app
from refunds.domain.sweeps import Frozen
from refunds.models import Sweep
from refunds.operations import reconcile, sweeps

from ..factories import CUTOFF, NOON, PRESSED, make_requests

pytestmark = pytest.mark.django_db

# The broker's URL as kombu masks it, which its releases do differently.
NOBODY = (
    f"No worker has taken it within 0 s from the broker {app.connection_for_write().as_uri()}: none sees the message, "
    "or all are busy. The sweep is kept in the database, and the reconciler gives it to a worker when one runs. If "
    "none runs, start one, for instance by python -m refunds serve; if yours use another broker, name it in "
    "CELERY_BROKER_URL."
)
BEFORE = CUTOFF - timedelta(hours=1)


@pytest.fixture
def eager() -> Iterator[None]:
    """Messages run where they are sent."""
    before = app.conf.task_always_eager
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = before


def run(command: str, at: datetime) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    # The clock is frozen, and no worker runs: one look is enough.
    wait = {} if command == "health" else {"wait": 0}
    with freeze_time(at):
        call_command(command, stdout=out, stderr=err, **wait)
    return out.getvalue(), err.getvalue()


def test_approve_all_starts_a_sweep_and_says_what_it_covers() -> None:
    """Counts and totals by currency, and until when the sweep may approve."""
    make_requests(3)
    make_requests(1, currency="EUR")
    out, _ = run("approve_all", PRESSED)
    sweep = Sweep.objects.get()
    assert out.splitlines() == [
        "1 pending, 12.50 EUR",
        "3 pending, 37.50 GBP",
        f"Sweep {sweep.pk} is to approve them until 2026-07-15 18:00 EEST.",
        NOBODY,
    ]
    assert (sweep.started_at, sweep.expires_at) == (PRESSED, CUTOFF)


def test_approve_all_leaves_what_is_owed_a_decline() -> None:
    """What was received before the last cut-off is counted, and nothing is started for it."""
    make_requests(2, received_at=NOON)
    out, _ = run("approve_all", CUTOFF)
    assert out.splitlines() == [
        "2 were received before the last cut-off: they are to be declined.",
        "Nothing can be approved; nothing was started.",
    ]
    assert not Sweep.objects.exists()


def test_decline_all_starts_the_sweep_of_the_latest_cutoff_once() -> None:
    """Run at 18:00 and again at 21:00, it starts one sweep, for 18:00."""
    first, _ = run("decline_all", CUTOFF)
    second, _ = run("decline_all", CUTOFF + timedelta(hours=3))
    sweep = Sweep.objects.get()
    assert first.splitlines() == [f"Sweep {sweep.pk} is to decline what was pending at 2026-07-15 18:00 EEST.", NOBODY]
    assert second.splitlines() == [
        f"Sweep {sweep.pk} has already been started for what was pending at 2026-07-15 18:00 EEST.",
        NOBODY,
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", ["approve_all", "decline_all"])
def test_a_sweep_that_a_worker_takes_is_said_to_be_taken(command: str, eager: None) -> None:
    """It is the row that tells: a worker has planned the sweep."""
    make_requests(2, received_at=NOON if command == "approve_all" else BEFORE)
    out, _ = run(command, PRESSED if command == "approve_all" else CUTOFF)
    assert out.splitlines()[-1] == "A worker has taken it."


@pytest.mark.parametrize("command", ["approve_all", "decline_all"])
def test_no_password_of_the_broker_is_shown(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The broker that no worker reads is named without what lets one in, and the sweep's row is kept."""
    make_requests(1)
    # Celery prefers the environment.
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:hunter2@127.0.0.1:6399/3")
    out, _ = run(command, PRESSED)
    assert "from the broker redis://:**@127.0.0.1:6399/3: " in out
    assert "hunter2" not in out
    assert Sweep.objects.count() == 1


def test_health_is_0_when_all_is_well_and_1_with_a_line_for_each_trouble() -> None:
    """A monitor reads the exit status, a person the lines."""
    assert run("health", NOON) == ("All is well.\n", "")
    rows = make_requests()
    sweeps.start_approve(key="k", frozen=Frozen(rows[-1].pk), by=None, now=NOON)
    err = StringIO()
    with freeze_time(NOON + reconcile.STALLED), pytest.raises(SystemExit) as ended:
        call_command("health", stderr=err)
    assert ended.value.code == 1
    (line,) = err.getvalue().splitlines()
    assert line.startswith("stalled sweep: ")
