"""The entries of an application's beat, and what reading them leaves behind: nothing."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from celery import Celery, _state
from celery.schedules import crontab, schedule
from celery.utils.time import timezone as celerys_zone
from celery_rehearsal.preflight.entries import DECLARED, entries, reading
from celery_rehearsal.preflight.errors import CannotCheckError
from celery_rehearsal.preflight.firings import firings

from .schedule_apps import START, Thirds, make_app

if TYPE_CHECKING:
    from pathlib import Path

DAILY = crontab(hour=18, minute=0)


def test_an_entry_has_what_the_settings_declare() -> None:
    """Name, task, schedule, arguments, options, and the zone in which Celery reads the schedule."""
    declared = {"task": "note", "schedule": DAILY, "args": (1,), "kwargs": {"a": 2}, "options": {"expires": 3}}
    (entry,) = entries(make_app({"daily": declared}), START)
    assert (entry.name, entry.task, entry.schedule) == ("daily", "note", DAILY)
    assert (entry.args, entry.kwargs, entry.options) == ((1,), {"a": 2}, {"expires": 3})
    assert entry.zone == ZoneInfo("Europe/Kyiv")
    assert entry.last_run_at == START


def test_entries_are_sorted_and_include_celerys_own() -> None:
    """Beat adds the cleanup of results, unless the result backend lets them expire."""
    app = make_app({"z": DAILY, "a": 30}, result_expires=3600)
    assert [entry.name for entry in entries(app, START)] == ["a", "celery.backend_cleanup", "z"]


def test_result_backend_is_not_opened(tmp_path: Path) -> None:
    """Beat asks it only whether results expire; Celery's own for SQLAlchemy makes its tables at once."""
    pytest.importorskip("sqlalchemy")
    app: Any = make_app({"a": 30}, result_expires=3600, result_backend=f"db+sqlite:///{tmp_path}/results.db")
    assert [entry.name for entry in entries(app, START)] == ["a", "celery.backend_cleanup"]
    assert list(tmp_path.iterdir()) == []
    assert app._backend is None


def test_result_backend_that_cannot_be_imported_is_refused() -> None:
    """Beat would not start, unless results have no expiry."""
    backend = "no_such_package:Backend"
    with pytest.raises(CannotCheckError, match="the result backend cannot be imported: ModuleNotFoundError"):
        entries(make_app({"a": 30}, result_expires=3600, result_backend=backend), START)
    assert len(entries(make_app({"a": 30}, result_backend=backend), START)) == 1


def test_entries_added_on_finalize_are_there() -> None:
    """As `add_periodic_task` adds them, by the documented signal."""
    app = make_app()

    @app.on_after_finalize.connect
    def add(sender: Celery, **_kwargs: Any) -> None:
        sender.add_periodic_task(30.0, sender.tasks["note"].s(), name="added")

    assert [entry.name for entry in entries(app, START)] == ["added"]


def test_an_app_that_is_not_current_gets_the_zone_that_its_beat_uses() -> None:
    """Entries from beat's file ask the current app for the zone. Here that is Celery's default app, in UTC."""
    app = Celery("shop", set_as_current=False, fixups=[])
    declared = {"daily": {"task": "note", "schedule": DAILY}}
    app.conf.update(timezone="Europe/Kyiv", result_expires=None, beat_schedule=declared)
    (entry,) = entries(app, START)
    assert str(entry.zone) == "UTC"


def snapshot(app: Celery) -> dict[str, Any]:
    """What reading and driving must leave as it is."""
    conf, tasks = vars(app)["_conf"], app.tasks
    return {
        "app": {name: id(value) for name, value in vars(app).items()},
        "backend": dict(vars(vars(app)["_local"])),
        "conf": {name: repr(value) for name, value in conf.items()},
        "observers": list(vars(conf)["_observers"]),
        "tasks": {name: id(task) for name, task in tasks.items()},
        "entries": {name: dict(entry) for name, entry in conf.beat_schedule.items()},
        "schedules": [dict(vars(entry["schedule"])) for entry in conf.beat_schedule.values()],
        "zone": dict(vars(celerys_zone)),
        "current": dict(vars(vars(_state)["_tls"])),
        "default": vars(_state)["default_app"],
    }


@pytest.mark.parametrize("scheduler", [None, "celery.beat:Scheduler"])
def test_reading_and_driving_leave_everything_as_it_was(
    scheduler: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app, its settings and tasks, its schedule objects, Celery's caches of zones, the clock and the folder."""
    monkeypatch.chdir(tmp_path)
    options = {"task": "note", "schedule": crontab(minute=5), "options": {"headers": {"a": 1}}}
    app = make_app({"daily": DAILY, "own": Thirds(), "headers": options}, enable_utc=False, timezone=None)
    app.finalize()
    app.loader.init_worker()
    before, real = snapshot(app), datetime.now(START.tzinfo)
    with reading(app, START, scheduler=scheduler) as read:
        assert datetime.now(START.tzinfo) == START
        assert len(firings(read, START + timedelta(days=7))) == 7 + 7 * 3 + 7 * 24
    assert snapshot(app) == before
    assert real <= datetime.now(START.tzinfo) < real + timedelta(minutes=5)
    assert list(tmp_path.iterdir()) == []


def test_a_scheduler_that_cannot_be_imported_is_refused() -> None:
    """By its name: beat would not start."""
    with pytest.raises(CannotCheckError, match="'nowhere:Scheduler', which cannot be imported"):
        entries(make_app(beat_scheduler="nowhere:Scheduler"), START)


def test_a_scheduler_with_a_store_of_its_own_is_refused_unless_named() -> None:
    """It could read a server, or write to it. The option says that it does not; another shows the declared entries."""
    path = f"{make_app.__module__}:OwnStore"
    app = make_app({"daily": DAILY}, beat_scheduler=path)
    with pytest.raises(CannotCheckError, match=f"OwnStore reads its entries in its own way.*--scheduler {path}"):
        entries(app, START)
    assert [entry.name for entry in entries(app, START, scheduler=path)] == ["daily", "own"]
    assert [entry.name for entry in entries(app, START, scheduler=DECLARED)] == ["daily"]


def test_a_scheduler_that_reaches_for_the_network_is_refused() -> None:
    """Also where the option names it."""
    with pytest.raises(CannotCheckError, match="Remote reached for the network"):
        entries(make_app(), START, scheduler=f"{make_app.__module__}:Remote")


def test_redbeat_is_refused() -> None:
    """Its entries are in Redis."""
    pytest.importorskip("redbeat", reason="celery-redbeat is not installed")
    app = make_app(beat_scheduler="redbeat.RedBeatScheduler", redbeat_redis_url="redis://schedule.invalid/3")
    with pytest.raises(CannotCheckError, match=r"redbeat.schedulers:RedBeatScheduler .*--scheduler celery.beat:Per"):
        entries(app, START)
    with pytest.raises(CannotCheckError, match=r"redbeat.schedulers:RedBeatScheduler reached for the network"):
        entries(app, START, scheduler="redbeat.RedBeatScheduler")


class Asking(schedule):
    """Asks a server when it is due, as a schedule that reads rows does."""

    def is_due(self, _last_run_at: datetime) -> Any:
        return socket.create_connection(("rows.invalid", 5432))


def test_a_schedule_that_asks_a_server_is_told_from_a_scheduler_that_does() -> None:
    """Another scheduler would not help."""
    with (
        reading(make_app({"ask": Asking(60)}), START) as read,
        pytest.raises(CannotCheckError, match="a schedule of the application asks one"),
    ):
        firings(read, START + timedelta(hours=1))
