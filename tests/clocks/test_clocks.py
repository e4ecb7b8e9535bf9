"""A process whose clock differs from the database's decides nothing, and `health` reports it."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.translation import override
from freezegun import freeze_time
from pytest_django import Settings

from refunds import queries, tasks
from refunds.clocks import comparing
from refunds.clocks.models import WrongClock
from refunds.domain import cutoff
from refunds.domain.returns import Status
from refunds.domain.sweeps import Frozen
from refunds.errors import ClocksDiffer
from refunds.models import ReturnRequest, Sweep
from refunds.operations import button, sweeps, trusted_now

from ..factories import BLINK, CUTOFF, MINUTE, NOON, PRESSED, SECOND, local, make_requests

pytestmark = pytest.mark.django_db

# Before the tests' own clock takes its place.
ASKED = queries.database_clock
TOLERANCE = 5 * SECOND
TEN = 10 * MINUTE


@contextmanager
def clocks(process: datetime, database: datetime, host: str = "worker-2") -> Generator[None]:
    """Set the clock of a process on the host, and the database's."""
    named = patch("socket.gethostname", lambda: host)
    with freeze_time(process), patch.object(queries, "database_clock", lambda: database), named:
        yield


def trusted(process: datetime, database: datetime, before: datetime | None = None) -> datetime:
    """Return the time to act by. The process's clock says `before` before the question, and `process` after it."""
    with clocks(process, database):
        return trusted_now() if before is None else comparing.trusted(before)


@pytest.mark.parametrize("off", [0 * SECOND, TOLERANCE, -TOLERANCE])
def test_clock_within_the_tolerance_is_trusted(off: timedelta) -> None:
    """Up to five seconds either way, the process's own time counts, and no row is written."""
    assert trusted(NOON + off, NOON) == NOON + off
    assert not WrongClock.objects.exists()


@pytest.mark.parametrize(
    ("off", "way"), [(TOLERANCE + BLINK, "ahead of"), (-TOLERANCE - BLINK, "behind"), (TEN, "ahead of")]
)
def test_clock_beyond_the_tolerance_is_refused_with_both_times(off: timedelta, way: str) -> None:
    """The error has both times, the difference and what to do; the row has the database's time."""
    with pytest.raises(ClocksDiffer) as refused:
        trusted(NOON + off, NOON)
    said = str(refused.value)
    assert f"the clock of worker-2 says {NOON + off:%Y-%m-%d %H:%M:%S} UTC" in said
    assert f"and the database's {NOON:%Y-%m-%d %H:%M:%S} UTC" in said
    assert f"worker-2 is {abs(off.total_seconds()):.0f} s {way} the database" in said
    assert "nothing was decided" in said
    assert "NTP" in said
    with override("uk"), pytest.raises(ClocksDiffer, match=f"^нічого не вирішено: .* {NOON:%d.%m.%Y %H:%M:%S} UTC; "):
        trusted(NOON + off, NOON)
    assert WrongClock.objects.values_list("host", "seen_at", "ahead").get() == ("worker-2", NOON, off.total_seconds())


def test_tolerance_is_a_setting(settings: Settings) -> None:
    """REFUNDS_CLOCK_TOLERANCE is in seconds."""
    settings.REFUNDS_CLOCK_TOLERANCE = 600.0
    assert trusted(NOON + TEN, NOON) == NOON + TEN
    with pytest.raises(ClocksDiffer):
        trusted(NOON + TEN + BLINK, NOON)


def test_slow_answer_is_no_wrong_clock() -> None:
    """The database read its clock between question and answer: the time is at most the tolerance past the database's.

    A connection pool that answers after 40 s, 20 s before the cutoff, hides that the clock is 30 s ahead.
    """
    assert trusted(NOON + MINUTE, NOON + 30 * SECOND, before=NOON) == NOON + 30 * SECOND + TOLERANCE
    assert trusted(CUTOFF + 10 * SECOND, CUTOFF - 20 * SECOND, before=CUTOFF - 30 * SECOND) < CUTOFF


@pytest.mark.parametrize(
    ("task", "arguments"),
    [("decline_pending", {}), ("reconcile", {}), ("plan_sweep", {"sweep_id": 1}), ("decide_chunk", {"chunk_id": 1})],
)
def test_task_by_a_wrong_clock_changes_no_row(task: str, arguments: dict[str, Any]) -> None:
    """Before the cutoff by the database and after it by the worker, each task fails before it decides."""
    make_requests()
    with clocks(CUTOFF + TEN / 2, CUTOFF - TEN / 2), pytest.raises(ClocksDiffer):
        getattr(tasks, task)(**arguments)
    assert not Sweep.objects.exists()
    assert ReturnRequest.objects.get().status == Status.REQUESTED


@pytest.mark.parametrize("planned", [False, True])
def test_sweep_is_neither_planned_nor_decided_by_a_clock_that_is_behind(planned: bool) -> None:
    """An approval that has expired is not continued by a worker whose clock says that it has not."""
    row = make_requests()[0]
    sweep, _ = button.start_approve(key="k", frozen=Frozen(row.pk), by=None, now=PRESSED)
    if planned:
        sweeps.plan_sweep(sweep.pk, PRESSED)
    chunks = list(sweep.chunks.all())
    with clocks(PRESSED, CUTOFF + TEN), pytest.raises(ClocksDiffer):
        tasks.decide_chunk(chunk_id=chunks[0].pk) if planned else tasks.plan_sweep(sweep_id=sweep.pk)
    assert ReturnRequest.objects.get().status == Status.REQUESTED
    assert list(sweep.chunks.all()) == chunks


@pytest.mark.parametrize("command", ["approve_all", "decline_all"])
def test_command_by_a_wrong_clock_ends_with_status_1(command: str) -> None:
    """The line is the error, and no sweep is started."""
    make_requests()
    refused = pytest.raises(CommandError, match="worker-2 is 600 s ahead of the database")
    with clocks(CUTOFF, CUTOFF - TEN), refused as ended:
        call_command(command)
    assert ended.value.returncode == 1
    assert not Sweep.objects.exists()


def test_health_has_a_line_for_its_own_clock() -> None:
    """It is ten minutes after the cutoff by this host, the cutoff by the database, and nothing else is overdue."""
    make_requests(received_at=PRESSED)
    with clocks(CUTOFF + TEN, CUTOFF), pytest.raises(SystemExit, match="1"):
        call_command("health", stderr=(said := StringIO()))
    assert said.getvalue() == (
        f"clocks differ: worker-2 was 600 s ahead of the database's clock at {local(CUTOFF)} "
        f"{CUTOFF.astimezone(cutoff.ZONE):%Z} and decides nothing; set its clock by NTP (chronyc tracking)\n"
    )


def test_health_elsewhere_learns_of_a_wrong_clock_for_an_hour() -> None:
    """It reads the row of the refusing worker; on the worker's own host it compares the clock itself."""

    def health(at: datetime, host: str) -> list[str]:
        with clocks(at, at, host):
            return comparing.health()

    with pytest.raises(ClocksDiffer):
        trusted(NOON - TEN, NOON)
    assert health(NOON, "worker-2") == []
    (line,) = health(NOON, "web-1")
    assert line.startswith(f"clocks differ: worker-2 was 600 s behind the database's clock at {local(NOON)}")
    with override("uk"):
        (line,) = health(NOON, "web-1")
    assert line.startswith("годинники розходяться: worker-2 відставав від годинника бази даних на 600 с (")
    assert health(NOON + comparing.REPORTED, "web-1") == []


def test_rows_do_not_pile_up() -> None:
    """There is one row per host, and none that `health` no longer reports."""
    for host, at in (("a", NOON), ("a", NOON + TEN), ("b", NOON + TEN + comparing.REPORTED)):
        with clocks(at + TEN, at, host), pytest.raises(ClocksDiffer):
            trusted_now()
    assert list(WrongClock.objects.values_list("host", flat=True)) == ["b"]


def test_database_clock_is_that_of_postgresql_and_sqlite_has_none(
    django_assert_num_queries: Callable[[int], AbstractContextManager[object]],
) -> None:
    """It is aware, this machine's, and moves on within a transaction. It costs one statement, and none on SQLite."""
    before = datetime.now(UTC)
    with django_assert_num_queries(2 * (connection.vendor == "postgresql")):
        first, second = ASKED(), ASKED()
    if connection.vendor != "postgresql":
        assert (first, second) == (None, None)
        return
    assert first is not None
    assert second is not None
    assert before - TOLERANCE < first < second < datetime.now(UTC) + TOLERANCE
