"""Beats run the application's own scheduler, and wake, look and sync when production's beat does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celery.beat import PersistentScheduler, Scheduler
from celery.schedules import crontab
from celery_rehearsal import BadUseError, SchedulerImportError, VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)
EIGHTEEN = {"daily": {"task": "note", "schedule": crontab(hour=18, minute=0)}}


class Ticking(Scheduler):
    """An application's scheduler, which remembers when it ticked and where it keeps its file."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.ticks: list[Any] = []
        super().__init__(*args, **kwargs)

    def tick(self, **kwargs: Any) -> Any:  # type: ignore[override] # the options are those of Celery
        self.ticks.append(self.app.now().replace(microsecond=0))
        return super().tick(**kwargs)


class Filed(PersistentScheduler):
    """An application's scheduler on a file."""


def scheduler_of(celery: VirtualCelery) -> Any:
    (beat,) = celery.beats.values()
    return beat.scheduler


@pytest.mark.parametrize("given", [Ticking, f"{__name__}:Ticking", f"{__name__}.Ticking"])
def test_the_apps_scheduler_runs(app: Celery, given: Any) -> None:
    """As `celery beat` without -S: the setting beat_scheduler is a class or its path."""
    app.conf.beat_scheduler = given
    app.conf.beat_schedule = EIGHTEEN
    with VirtualCelery(app, start=NOON) as celery:
        assert type(scheduler_of(celery)) is Ticking
        celery.advance(24 * HOUR)
        celery.assert_ran("note", at=NOON.replace(hour=18))


def test_entries_of_the_apps_scheduler_are_known(app: Celery) -> None:
    """Before they fire: those of beat_schedule, and one that the scheduler adds. A misspelled one is refused."""

    class Adding(Ticking):
        """A scheduler with an entry of its own."""

        def setup_schedule(self) -> None:
            super().setup_schedule()
            self.add(name="added", task="note", schedule=crontab(hour=9, minute=0, app=self.app))

    app.conf.beat_scheduler = Adding
    app.conf.beat_schedule = EIGHTEEN
    with VirtualCelery(app, start=NOON) as celery:
        with pytest.raises(BadUseError, match="near names: added"):
            celery.assert_local("adds", "09:00")
        celery.assert_local("added", "09:00", days=1)


def test_an_argument_wins_over_the_setting(app: Celery) -> None:
    """As -S of `celery beat` does."""
    app.conf.beat_scheduler = Ticking
    with VirtualCelery(app, start=NOON, scheduler=Filed) as celery:
        assert type(scheduler_of(celery)) is Filed


def test_celerys_own_scheduler_keeps_its_file_in_memory(app: Celery) -> None:
    """The setting's default needs no folder; a scheduler derived from it gets its file, which ends with the cluster."""
    with VirtualCelery(app, start=NOON) as celery:
        assert isinstance(scheduler_of(celery), PersistentScheduler)
        assert not Path(scheduler_of(celery).schedule_filename).is_absolute()
    app.conf.beat_scheduler = Filed
    with VirtualCelery(app, start=NOON) as celery:
        folder = Path(scheduler_of(celery).schedule_filename).parent
        assert list(folder.iterdir())
    assert not folder.exists()


@pytest.mark.parametrize("name", ["djnago", "no.such:Scheduler", "celery.beat:NoSuch", "celery.beat"])
@pytest.mark.parametrize("setting", [True, False])
def test_a_misspelled_scheduler_is_an_import_error(app: Celery, name: str, setting: bool) -> None:
    """Beat would not start: neither does the cluster, and the error names the place of the name."""
    app.conf.beat_scheduler = name if setting else Ticking
    where = "beat_scheduler" if setting else "^scheduler"
    with pytest.raises(SchedulerImportError, match=f"{where}.*{name}.*correct the path"):
        VirtualCelery(app, start=NOON, scheduler=None if setting else name).__enter__()


def test_no_beat_needs_no_scheduler(app: Celery) -> None:
    """A cluster of workers alone does not ask for it."""
    app.conf.beat_scheduler = "djnago"
    with VirtualCelery(app, start=NOON, beats=0):
        app.tasks["note"].delay()


@pytest.mark.parametrize(("longest", "seconds"), [(None, 300), (40, 40)])
def test_an_own_scheduler_wakes_as_often_as_in_production(app: Celery, longest: Any, seconds: int) -> None:
    """Each five minutes, Celery's own default, or as often as beat_max_loop_interval says."""
    app.conf.beat_scheduler = Ticking
    app.conf.beat_max_loop_interval = longest
    app.conf.result_expires = None
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(HOUR)
        ticks = scheduler_of(celery).ticks
        assert ticks == [NOON + timedelta(seconds=seconds) * n for n in range(3600 // seconds + 1)]


@pytest.mark.parametrize(("after", "sent"), [(4, 2), (6, 1)])
def test_what_beat_has_sent_is_synced_when_it_wakes_next(app: Celery, after: int, sent: int) -> None:
    """A run within three minutes of the last sync is written five minutes later: a kill before then forgets it."""
    app.conf.beat_schedule = {
        "early": {"task": "note", "schedule": crontab(hour=17, minute=59)},
        "daily": {"task": "late", "schedule": crontab(hour=18, minute=0)},
    }
    with VirtualCelery(app, start=NOON) as celery:
        celery.run_until(NOON + 6 * HOUR + timedelta(minutes=after))
        celery.stop_beat(kill=True)
        celery.start_beat()
        celery.advance(HOUR)
        celery.assert_sent("late", times=sent)


def test_beat_sync_every_counts_tasks(app: Celery) -> None:
    """With beat_sync_every=1 each run is written at once: a kill forgets none."""
    app.conf.beat_sync_every = 1
    app.conf.beat_schedule = {
        "early": {"task": "note", "schedule": crontab(hour=17, minute=59)},
        "daily": {"task": "late", "schedule": crontab(hour=18, minute=0)},
    }
    with VirtualCelery(app, start=NOON) as celery:
        celery.run_until(NOON + 6 * HOUR)
        celery.stop_beat(kill=True)
        celery.start_beat()
        celery.advance(HOUR)
        celery.assert_sent("late", times=1)


@pytest.mark.parametrize(("deadline", "runs"), [(None, 1), (7200, 0)])
def test_a_run_past_its_deadline_is_left_out(app: Celery, deadline: Any, runs: int) -> None:
    """A beat that was down at 18:00 makes up for it, unless beat_cron_starting_deadline has passed."""
    app.conf.beat_cron_starting_deadline = deadline
    app.conf.beat_schedule = EIGHTEEN
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(HOUR)
        celery.stop_beat()
        celery.advance(10 * HOUR)
        celery.start_beat()
        celery.advance(HOUR)
        celery.assert_sent("note", times=runs)


class Watching(Ticking):
    """A scheduler that looks for edits each five seconds, as django-celery-beat's does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_interval = 5

    def schedule_changed(self) -> bool:
        """Asked by the kit whether there is such a method."""
        return False


def test_an_edit_is_seen_when_a_real_beat_looks(app: Celery) -> None:
    """Each five seconds: after a task that can have made an edit, the beat ticks at the next of these instants."""
    app.conf.beat_scheduler = Watching
    app.conf.result_expires = None
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(timedelta(0))
        app.tasks["note"].apply_async(countdown=61)
        celery.advance(minutes=4)
        celery.advance(seconds=2)
        celery.advance(seconds=10)
        ticks = [(tick - NOON).total_seconds() for tick in scheduler_of(celery).ticks]
    # At the start, after each time that the test could have made an edit, and after the task.
    assert ticks == [0, 5, 65, 240, 245]


TRANSACTION = {"ENGINE": "django.db.backends.sqlite3"}


def in_a_transaction(database: dict[str, Any]) -> None:
    """Run DatabaseScheduler in a TestCase on that database, in a process of its own."""
    pytest.importorskip("django_celery_beat", reason="django-celery-beat is not installed")
    finished = subprocess.run(
        [sys.executable, "-m", "kit.database_transaction", json.dumps(database)],
        cwd=Path(__file__).parents[1],
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == [["15 18:00:00", "16 18:00:00", "17 18:00:00"], 0]


def test_rows_in_a_tests_transaction(tmp_path: Path) -> None:
    """DatabaseScheduler and tasks that close old connections leave the test's transaction open, on a file of SQLite."""
    in_a_transaction({**TRANSACTION, "NAME": str(tmp_path / "a"), "TEST": {"NAME": str(tmp_path / "b")}})


@pytest.mark.services
def test_rows_in_a_tests_transaction_on_postgresql() -> None:
    """As on SQLite; the rows are gone with the rollback."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    url = os.environ.get("REFUNDS_TEST_POSTGRES", "postgres://postgres@localhost:5432/test")
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            info = connection.info
            names = {"USER": info.user, "PASSWORD": info.password, "HOST": info.host, "PORT": info.port}
    except psycopg.OperationalError as error:
        pytest.skip(f"PostgreSQL does not answer ({error}): start one, or say in REFUNDS_TEST_POSTGRES where it is")
    test = {"NAME": f"rehearsal-test-{os.getpid()}"}
    in_a_transaction({"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", **names, "TEST": test})
