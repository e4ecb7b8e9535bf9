"""The button, the cutoff and the health check, from a shell."""

from collections.abc import Iterator
from datetime import datetime
from io import StringIO

import pytest
from celery import current_app
from django.core.management import call_command
from freezegun import freeze_time

from refunds.domain.sweeps import Frozen
from refunds.models import Sweep
from refunds.operations import health, local, sweeps

from ..factories import CUTOFF, HOUR, NOON, PRESSED, make_requests

pytestmark = pytest.mark.django_db

# The broker's URL as kombu masks it, which its releases do differently.
NOBODY = (
    f"No worker has taken it within 0 s from the broker {current_app.connection_for_write().as_uri()}: no worker reads "
    "this broker, or all are busy. The sweep is stored in the database, and the reconciler sends it to a worker as "
    "soon as one runs. If none runs, start one; if your workers use another broker, name it in CELERY_BROKER_URL."
)
BEFORE = CUTOFF - HOUR


@pytest.fixture
def eager() -> Iterator[None]:
    """Run messages where they are sent."""
    conf = current_app.conf
    before = conf.task_always_eager
    conf.task_always_eager = True
    yield
    conf.task_always_eager = before


def run(command: str, at: datetime) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    # The clock is frozen, and no worker runs: one look is enough.
    wait = {} if command == "health" else {"wait": 0}
    with freeze_time(at):
        call_command(command, stdout=out, stderr=err, **wait)
    return out.getvalue(), err.getvalue()


def test_approve_all_starts_a_sweep_and_prints_what_it_approves() -> None:
    """Counts and totals by currency, and until when the sweep approves."""
    make_requests(3)
    make_requests(1, currency="EUR")
    out, _ = run("approve_all", PRESSED)
    sweep = Sweep.objects.get()
    assert out.splitlines() == [
        "1 pending, 12.50 EUR",
        "3 pending, 37.50 GBP",
        f"Sweep {sweep.pk} approves them until {local(CUTOFF)}.",
        NOBODY,
    ]
    assert (sweep.started_at, sweep.expires_at) == (PRESSED, CUTOFF)


def test_approve_all_leaves_what_can_only_be_declined() -> None:
    """Requests received before the last cutoff are counted, and nothing is started for them."""
    make_requests(2, received_at=NOON)
    out, _ = run("approve_all", CUTOFF)
    assert out.splitlines() == [
        "2 were received before the last cutoff and can only be declined.",
        "Nothing can be approved; nothing was started.",
    ]
    assert not Sweep.objects.exists()


def test_decline_all_starts_the_sweep_of_the_latest_cutoff_once() -> None:
    """At the cutoff and again three hours later, it starts one sweep, of the cutoff."""
    first, _ = run("decline_all", CUTOFF)
    second, _ = run("decline_all", CUTOFF + 3 * HOUR)
    sweep = Sweep.objects.get()
    assert first.splitlines() == [f"Sweep {sweep.pk} declines what was pending at {local(CUTOFF)}.", NOBODY]
    assert second.splitlines() == [
        f"Sweep {sweep.pk} has already been started for what was pending at {local(CUTOFF)}.",
        NOBODY,
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", ["approve_all", "decline_all"])
def test_command_prints_that_a_worker_has_taken_the_sweep(command: str, eager: None) -> None:
    """The row shows it: a worker has planned the sweep."""
    make_requests(2, received_at=NOON if command == "approve_all" else BEFORE)
    out, _ = run(command, PRESSED if command == "approve_all" else CUTOFF)
    assert out.splitlines()[-1] == "A worker has taken it."


@pytest.mark.parametrize("command", ["approve_all", "decline_all"])
def test_command_shows_no_password_of_the_broker(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The broker that no worker reads is named without its password, and the sweep's row is kept."""
    make_requests(1)
    # Celery prefers the environment.
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:hunter2@127.0.0.1:6399/3")
    out, _ = run(command, PRESSED)
    assert "from the broker redis://:**@127.0.0.1:6399/3: " in out
    assert "hunter2" not in out
    assert Sweep.objects.count() == 1


def test_health_exits_with_1_and_a_line_for_each_overdue_item() -> None:
    """A monitor reads the exit status, an operator the lines."""
    assert run("health", NOON) == ("All is well.\n", "")
    rows = make_requests()
    sweeps.start_approve(key="k", frozen=Frozen(rows[-1].pk), by=None, now=NOON)
    err = StringIO()
    with freeze_time(NOON + health.STALLED), pytest.raises(SystemExit) as ended:
        call_command("health", stderr=err)
    assert ended.value.code == 1
    (line,) = err.getvalue().splitlines()
    assert line.startswith("stalled sweep: ")
