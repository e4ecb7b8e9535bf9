"""A clock that differs from the database's: nothing is decided by it, and `health` says so."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from freezegun import freeze_time

from refunds import queries, tasks
from refunds.domain.returns import Status
from refunds.domain.sweeps import Frozen
from refunds.errors import ClocksDiffer
from refunds.models import ReturnRequest, Sweep, WrongClock
from refunds.operations import clocks, sweeps

from ..factories import CUTOFF, NOON, PRESSED, make_requests

pytestmark = pytest.mark.django_db

# Before the tests' own takes its place.
ASKED = queries.database_clock
TOLERANCE = timedelta(seconds=5)
BLINK = timedelta(microseconds=1)
TEN = timedelta(minutes=10)

DatabaseSays = Callable[[datetime], None]


@pytest.fixture
def database_says(monkeypatch: pytest.MonkeyPatch) -> DatabaseSays:
    """Set the database's clock."""
    return lambda at: monkeypatch.setattr(queries, "database_clock", lambda: at)


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "upkeep-2")


@pytest.mark.parametrize("off", [timedelta(0), TOLERANCE, -TOLERANCE])
def test_clock_within_the_tolerance_is_trusted(database_says: DatabaseSays, off: timedelta) -> None:
    """Five seconds either way are the process's own time, and leave no mark."""
    database_says(NOON)
    assert clocks.trusted(lambda: NOON + off) == NOON + off
    assert not WrongClock.objects.exists()


@pytest.mark.parametrize(
    ("off", "way"), [(TOLERANCE + BLINK, "ahead of"), (-TOLERANCE - BLINK, "behind"), (TEN, "ahead of")]
)
def test_clock_beyond_the_tolerance_is_refused_with_both_times(
    database_says: DatabaseSays, off: timedelta, way: str
) -> None:
    """The error has both times, the difference and what to do; the mark has the database's time."""
    database_says(NOON)
    with pytest.raises(ClocksDiffer) as refused:
        clocks.trusted(lambda: NOON + off)
    said = str(refused.value)
    assert f"the clock of upkeep-2 says {NOON + off:%Y-%m-%d %H:%M:%S} UTC" in said
    assert "and the database's 2026-07-15 09:00:00 UTC" in said
    assert f"upkeep-2 is {abs(off.total_seconds()):.0f} s {way} the database" in said
    assert "nothing was decided" in said
    assert "NTP" in said
    assert WrongClock.objects.values_list("host", "seen_at", "ahead").get() == ("upkeep-2", NOON, off.total_seconds())


def test_tolerance_is_a_setting(database_says: DatabaseSays, settings: object) -> None:
    """REFUNDS_CLOCK_TOLERANCE is in seconds."""
    settings.REFUNDS_CLOCK_TOLERANCE = 600.0  # type: ignore[attr-defined]  # pytest-django's
    database_says(NOON)
    assert clocks.trusted(lambda: NOON + TEN) == NOON + TEN
    with pytest.raises(ClocksDiffer):
        clocks.trusted(lambda: NOON + TEN + BLINK)


def test_database_that_answers_slowly_has_no_wrong_clock(database_says: DatabaseSays) -> None:
    """It read its clock at some moment between question and answer, a minute apart; the time is near the database's."""
    database_says(NOON + timedelta(seconds=30))
    reads = iter([NOON, NOON + timedelta(seconds=60)])
    assert clocks.trusted(lambda: next(reads)) == NOON + timedelta(seconds=30) + TOLERANCE


def test_clock_that_a_slow_answer_hides_is_not_past_the_cutoff(database_says: DatabaseSays) -> None:
    """A connection pool answers after 40 s, at 17:59:40. The clock is 30 s ahead, which the wait covers: not 18:00."""
    database_says(CUTOFF - timedelta(seconds=20))
    reads = iter([CUTOFF - timedelta(seconds=30), CUTOFF + timedelta(seconds=10)])
    assert clocks.trusted(lambda: next(reads)) < CUTOFF


@pytest.mark.parametrize(
    ("task", "arguments"),
    [("decline_pending", {}), ("reconcile", {}), ("plan_sweep", {"sweep_id": 1}), ("decide_chunk", {"chunk_id": 1})],
)
def test_task_by_a_wrong_clock_changes_no_row(
    database_says: DatabaseSays, task: str, arguments: dict[str, int]
) -> None:
    """At 17:55 by the database and 18:05 by the worker, each task fails before it decides."""
    make_requests()
    database_says(CUTOFF - TEN / 2)
    with freeze_time(CUTOFF + TEN / 2), pytest.raises(ClocksDiffer):
        getattr(tasks, task)(**arguments)
    assert not Sweep.objects.exists()
    assert ReturnRequest.objects.get().status == Status.REQUESTED


@pytest.mark.parametrize("planned", [False, True])
def test_sweep_is_neither_planned_nor_decided_by_a_clock_that_is_behind(
    database_says: DatabaseSays, planned: bool
) -> None:
    """An approval that expired at 18:00 is not carried on by a worker whose clock says 17:58."""
    row = make_requests()[0]
    sweep, _ = sweeps.start_approve(key="k", frozen=Frozen(row.pk), by=None, now=PRESSED)
    if planned:
        sweeps.plan_sweep(sweep.pk, PRESSED)
    chunks = list(sweep.chunks.all())
    database_says(CUTOFF + TEN)
    with freeze_time(PRESSED), pytest.raises(ClocksDiffer):
        tasks.decide_chunk(chunk_id=chunks[0].pk) if planned else tasks.plan_sweep(sweep_id=sweep.pk)
    row.refresh_from_db()
    assert row.status == Status.REQUESTED
    assert list(sweep.chunks.all()) == chunks


@pytest.mark.parametrize("command", ["approve_all", "decline_all", "import_returns"])
def test_command_by_a_wrong_clock_ends_with_status_1(database_says: DatabaseSays, tmp_path: Path, command: str) -> None:
    """The line is the error; no sweep is started and no row is received at the wrong instant."""
    make_requests()
    file = tmp_path / "returns.csv"
    file.write_text("order_line,quantity,amount,currency,requested_at\n1/1,1,1.00,GBP,2026-07-15T12:00:00+03:00\n")
    database_says(CUTOFF - TEN)
    with freeze_time(CUTOFF), pytest.raises(CommandError, match="upkeep-2 is 600 s ahead of the database") as ended:
        call_command(command, *([str(file)] if command == "import_returns" else []))
    assert ended.value.returncode == 1
    assert not Sweep.objects.exists()
    assert ReturnRequest.objects.count() == 1


def test_health_has_a_line_for_its_own_clock(database_says: DatabaseSays, capsys: pytest.CaptureFixture[str]) -> None:
    """At 18:10 by this machine and 18:00 by the database nothing else is overdue yet; exit status 1."""
    make_requests(received_at=PRESSED)
    database_says(CUTOFF)
    with freeze_time(CUTOFF + TEN), pytest.raises(SystemExit, match="1"):
        call_command("health", stderr=(said := StringIO()))
    assert said.getvalue() == (
        "clocks differ: upkeep-2 was 600 s ahead of the database's clock at 2026-07-15 18:00:00 EEST and decides "
        "nothing; set its clock by NTP (chronyc tracking)\n"
    )


def test_health_elsewhere_learns_of_a_wrong_clock_for_an_hour(
    database_says: DatabaseSays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the mark that the refusing worker left; on the worker's own host the clock itself is asked."""
    database_says(NOON)
    with pytest.raises(ClocksDiffer):
        clocks.trusted(lambda: NOON - TEN)
    assert clocks.health(lambda: NOON) == []
    monkeypatch.setattr("socket.gethostname", lambda: "web-1")
    (line,) = clocks.health(lambda: NOON)
    assert line.startswith("clocks differ: upkeep-2 was 600 s behind the database's clock at 2026-07-15 12:00:00 EEST")
    database_says(NOON + clocks.REPORTED)
    assert clocks.health(lambda: NOON + clocks.REPORTED) == []


def test_marks_do_not_pile_up(database_says: DatabaseSays, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row for each host, and none that `health` does not report any more."""

    def refused(host: str, at: datetime) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: host)
        database_says(at)
        with pytest.raises(ClocksDiffer):
            clocks.trusted(lambda: at + TEN)

    refused("a", NOON)
    refused("a", NOON + TEN)
    refused("b", NOON + TEN + clocks.REPORTED)
    assert list(WrongClock.objects.values_list("host", flat=True)) == ["b"]


def test_database_clock_is_postgresqls_and_sqlite_has_none() -> None:
    """Asked twice in a transaction it moves on; it is aware, and this machine's."""
    if connection.vendor != "postgresql":
        assert ASKED() is None
        return
    before = datetime.now(UTC)
    first, second = ASKED(), ASKED()
    assert first is not None
    assert second is not None
    assert before - TOLERANCE < first < second < datetime.now(UTC) + TOLERANCE


def test_one_question_is_one_statement(django_assert_num_queries: Callable[..., object]) -> None:
    """What a task pays for it on PostgreSQL; on SQLite, nothing."""
    with django_assert_num_queries(connection.vendor == "postgresql"):  # type: ignore[attr-defined]
        ASKED()
