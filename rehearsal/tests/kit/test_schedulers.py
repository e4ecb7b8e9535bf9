"""Other schedulers and several members: a schedule file on disk, named workers, own queues."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from celery.schedules import crontab
from celery_rehearsal import VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from pathlib import Path

    from celery import Celery

HOUR = timedelta(hours=1)
FILE = "celery.beat:PersistentScheduler"


@pytest.mark.parametrize(("fresh", "runs"), [(False, 2), (True, 1)])
def test_a_schedule_file_on_disk(app: Celery, tmp_path: Path, fresh: bool, runs: int) -> None:
    """With its file a beat that was down at 18:00 catches up; without it that run is missed."""
    app.conf.beat_schedule = {"daily": {"task": "note", "schedule": crontab(hour=18, minute=0)}}
    file = str(tmp_path / "schedule")
    with VirtualCelery(app, start=NOON, scheduler=FILE, schedule_filename=file) as celery:
        celery.advance(24 * HOUR)
        celery.stop_beat()
        celery.advance(9 * HOUR)
        celery.start_beat(fresh=fresh)
        celery.advance(timedelta(0))
        celery.assert_ran("note", times=runs)


def test_a_schedule_file_of_nobody(app: Celery) -> None:
    """A scheduler that needs a file gets one in a folder that goes with the cluster."""
    app.conf.beat_schedule = {"daily": {"task": "note", "schedule": crontab(hour=18, minute=0)}}
    with VirtualCelery(app, start=NOON, scheduler=FILE) as celery:
        celery.advance(24 * HOUR)
        celery.assert_ran("note", times=1)


@pytest.mark.parametrize(("kill", "sent"), [(False, 1), (True, 2)])
def test_a_killed_beat_sends_again(app: Celery, kill: bool, sent: int) -> None:
    """Killed before its schedule is synced, beat forgets that it has sent; stopped, it does not."""
    app.conf.beat_schedule = {
        "early": {"task": "note", "schedule": crontab(hour=17, minute=59)},
        "daily": {"task": "late", "schedule": crontab(hour=18, minute=0)},
    }
    with VirtualCelery(app, start=NOON) as celery:
        celery.run_until(NOON + 6 * HOUR)
        celery.stop_beat(kill=kill)
        celery.advance(timedelta(seconds=1))
        celery.start_beat()
        celery.advance(HOUR)
        celery.assert_sent("late", times=sent)


def test_members_have_names_and_queues(app: Celery, transport: str) -> None:
    """Each named worker takes only its own queues, and the timeline says who did what."""
    wanted = {"mailer": ["mail"], "rest": ["celery"]}
    with VirtualCelery(app, start=NOON, transport=transport, workers=wanted, beats=["left"]) as celery:
        app.tasks["note"].apply_async(queue="mail")
        app.tasks["late"].delay()
        celery.advance(timedelta(0))
        celery.assert_ran("note", worker="mailer", times=1)
        celery.assert_ran("late", worker="rest", times=1)
        assert list(celery.beats) == ["left"]


def test_queues_of_routes_and_entries_are_consumed(app: Celery, transport: str) -> None:
    """A worker with "*" takes whatever the app's routes, tasks and beat entries name."""
    app.conf.task_routes = {"note": {"queue": "routed"}}
    app.tasks["late"].__dict__["queue"] = "own"
    app.conf.beat_schedule = {
        "daily": {"task": "limited", "schedule": crontab(hour=18, minute=0), "options": {"queue": "beats"}}
    }
    with VirtualCelery(app, start=NOON, transport=transport, workers={"all": "*"}) as celery:
        app.tasks["note"].delay()
        app.tasks["late"].delay()
        celery.advance(24 * HOUR)
        assert {r.queue for r in celery.timeline.of("sent")} == {"routed", "own", "beats"}
        assert len(celery.timeline.of("succeeded")) == 3
