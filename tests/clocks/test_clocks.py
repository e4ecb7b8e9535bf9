"""A process whose clock differs from the database's decides nothing, and `health` reports it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from freezegun import freeze_time

from refunds import queries, tasks
from refunds.clocks import comparing
from refunds.clocks.models import WrongClock
from refunds.domain import cutoff
from refunds.domain.returns import Status
from refunds.domain.sweeps import Frozen
from refunds.errors import ClocksDiffer
from refunds.models import ReturnRequest, Sweep
from refunds.operations import sweeps, trusted_now

from ..factories import BLINK, CUTOFF, MINUTE, NOON, PRESSED, SECOND, local, make_requests

pytestmark = pytest.mark.django_db

# Before the tests' own clock takes its place.
ASKED = queries.database_clock
TOLERANCE = 5 * SECOND
TEN = 10 * MINUTE

DatabaseSays = Callable[[datetime], None]


@pytest.fixture
def database_says(monkeypatch: pytest.MonkeyPatch) -> DatabaseSays:
    """Set the database's clock."""
    return lambda at: monkeypatch.setattr(queries, "database_clock", lambda: at)


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "worker-2")


def trusted(at: datetime, before: datetime | None = None) -> datetime:
    """The time to act by, of a process whose clock says `at` after the question, and `before` before it."""
    with freeze_time(at):
        return trusted_now() if before is None else comparing.trusted(before)


def health(at: datetime) -> list[str]:
    with freeze_time(at):
        return comparing.health()


@pytest.mark.parametrize("off", [timedelta(0), TOLERANCE, -TOLERANCE])
def test_clock_within_the_tolerance_is_trusted(database_says: DatabaseSays, off: timedelta) -> None:
    """Up to five seconds either way, the process's own time counts, and no row is written."""
    database_says(NOON)
    assert trusted(NOON + off) == NOON + off
    assert not WrongClock.objects.exists()


@pytest.mark.parametrize(
    ("off", "way"), [(TOLERANCE + BLINK, "ahead of"), (-TOLERANCE - BLINK, "behind"), (TEN, "ahead of")]
)
def test_clock_beyond_the_tolerance_is_refused_with_both_times(
    database_says: DatabaseSays, off: timedelta, way: str
) -> None:
    """The error has both times, the difference and what to do; the row has the database's time."""
    database_says(NOON)
    with pytest.raises(ClocksDiffer) as refused:
        trusted(NOON + off)
    said = str(refused.value)
    assert f"the clock of worker-2 says {NOON + off:%Y-%m-%d %H:%M:%S} UTC" in said
    assert f"and the database's {NOON:%Y-%m-%d %H:%M:%S} UTC" in said
    assert f"worker-2 is {abs(off.total_seconds()):.0f} s {way} the database" in said
    assert "nothing was decided" in said
    assert "NTP" in said
    assert WrongClock.objects.values_list("host", "seen_at", "ahead").get() == ("worker-2", NOON, off.total_seconds())


def test_tolerance_is_a_setting(database_says: DatabaseSays, settings: object) -> None:
    """REFUNDS_CLOCK_TOLERANCE is in seconds."""
    settings.REFUNDS_CLOCK_TOLERANCE = 600.0  # type: ignore[attr-defined]  # pytest-django's
    database_says(NOON)
    assert trusted(NOON + TEN) == NOON + TEN
    with pytest.raises(ClocksDiffer):
        trusted(NOON + TEN + BLINK)


def test_database_that_answers_slowly_has_no_wrong_clock(database_says: DatabaseSays) -> None:
    """It read its clock between question and answer, a minute apart; the time is at most the tolerance past its."""
    database_says(NOON + 30 * SECOND)
    assert trusted(NOON + MINUTE, before=NOON) == NOON + 30 * SECOND + TOLERANCE


def test_clock_that_a_slow_answer_hides_is_not_past_the_cutoff(database_says: DatabaseSays) -> None:
    """A connection pool answers after 40 s, 20 s before the cutoff, and so hides that the clock is 30 s ahead."""
    database_says(CUTOFF - 20 * SECOND)
    assert trusted(CUTOFF + 10 * SECOND, before=CUTOFF - 30 * SECOND) < CUTOFF


@pytest.mark.parametrize(
    ("task", "arguments"),
    [("decline_pending", {}), ("reconcile", {}), ("plan_sweep", {"sweep_id": 1}), ("decide_chunk", {"chunk_id": 1})],
)
def test_task_by_a_wrong_clock_changes_no_row(
    database_says: DatabaseSays, task: str, arguments: dict[str, int]
) -> None:
    """Before the cutoff by the database and after it by the worker, each task fails before it decides."""
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
    """An approval that has expired is not continued by a worker whose clock says that it has not."""
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


@pytest.mark.parametrize("command", ["approve_all", "decline_all"])
def test_command_by_a_wrong_clock_ends_with_status_1(database_says: DatabaseSays, command: str) -> None:
    """The line is the error, and no sweep is started."""
    make_requests()
    database_says(CUTOFF - TEN)
    with freeze_time(CUTOFF), pytest.raises(CommandError, match="worker-2 is 600 s ahead of the database") as ended:
        call_command(command)
    assert ended.value.returncode == 1
    assert not Sweep.objects.exists()


def test_health_has_a_line_for_its_own_clock(database_says: DatabaseSays, capsys: pytest.CaptureFixture[str]) -> None:
    """It is ten minutes after the cutoff by this host, the cutoff by the database, and nothing else is overdue."""
    make_requests(received_at=PRESSED)
    database_says(CUTOFF)
    with freeze_time(CUTOFF + TEN), pytest.raises(SystemExit, match="1"):
        call_command("health", stderr=(said := StringIO()))
    assert said.getvalue() == (
        f"clocks differ: worker-2 was 600 s ahead of the database's clock at {local(CUTOFF)} "
        f"{CUTOFF.astimezone(cutoff.ZONE):%Z} and decides nothing; set its clock by NTP (chronyc tracking)\n"
    )


def test_health_elsewhere_learns_of_a_wrong_clock_for_an_hour(
    database_says: DatabaseSays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads the row of the refusing worker; on the worker's own host it compares the clock itself."""
    database_says(NOON)
    with pytest.raises(ClocksDiffer):
        trusted(NOON - TEN)
    assert health(NOON) == []
    monkeypatch.setattr("socket.gethostname", lambda: "web-1")
    (line,) = health(NOON)
    assert line.startswith(f"clocks differ: worker-2 was 600 s behind the database's clock at {local(NOON)}")
    database_says(NOON + comparing.REPORTED)
    assert health(NOON + comparing.REPORTED) == []


def test_rows_do_not_pile_up(database_says: DatabaseSays, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one row per host, and none that `health` no longer reports."""

    def refused(host: str, at: datetime) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: host)
        database_says(at)
        with pytest.raises(ClocksDiffer):
            trusted(at + TEN)

    refused("a", NOON)
    refused("a", NOON + TEN)
    refused("b", NOON + TEN + comparing.REPORTED)
    assert list(WrongClock.objects.values_list("host", flat=True)) == ["b"]


def test_database_clock_is_that_of_postgresql_and_sqlite_has_none() -> None:
    """It is aware, this machine's, and moves on within a transaction."""
    if connection.vendor != "postgresql":
        assert ASKED() is None
        return
    before = datetime.now(UTC)
    first, second = ASKED(), ASKED()
    assert first is not None
    assert second is not None
    assert before - TOLERANCE < first < second < datetime.now(UTC) + TOLERANCE


def test_one_question_is_one_statement(django_assert_num_queries: Callable[..., object]) -> None:
    """A task pays one statement for it on PostgreSQL, and none on SQLite."""
    with django_assert_num_queries(connection.vendor == "postgresql"):  # type: ignore[attr-defined]
        ASKED()
