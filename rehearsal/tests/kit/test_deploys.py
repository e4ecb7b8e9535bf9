"""A deploy stops what runs and starts it again, in order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from celery_rehearsal import BadUseError, NeverIdleError, VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery

STORY = ("beat stopped", "worker stopped", "worker started", "beat started")


def story(celery: VirtualCelery) -> list[tuple[str, str, float]]:
    return [(r.kind, r.worker, (r.at - NOON).total_seconds()) for r in celery.timeline if r.kind in STORY]


def test_beats_stop_first_and_start_last(app: Celery, transport: str) -> None:
    """All workers stop at one instant, each when its task has ended; then all start."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        for seconds in (30, 10):
            app.tasks["nap"].delay(seconds)
        app.tasks["note"].delay()
        celery.advance(timedelta(0))
        celery.deploy()
        assert story(celery) == [
            ("beat stopped", "beat1", 0.0),
            ("worker stopped", "worker2", 10.0),
            ("worker stopped", "worker1", 30.0),
            ("worker started", "worker1", 30.0),
            ("worker started", "worker2", 30.0),
            ("beat started", "beat1", 30.0),
        ]
        celery.run_until_idle()
        celery.assert_ran("nap", times=2)
        celery.assert_ran("note", times=1)


@pytest.mark.parametrize(("fresh", "at"), [(False, 60), (True, 90)])
def test_the_schedule_file_survives_or_not(app: Celery, fresh: bool, at: int) -> None:
    """With its file a daily interval goes on; without it, it begins again. Deploys each hour never let it run then."""
    app.conf.beat_schedule = {"often": {"task": "note", "schedule": timedelta(minutes=60)}}
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(minutes=30)
        celery.deploy(fresh=fresh)
        celery.advance(minutes=70)
        assert celery.timeline.of("beat")[0].at == NOON + timedelta(minutes=at)


def test_new_settings_and_old_members(app: Celery) -> None:
    """Workers start with the settings of the test at that instant; what is down stays down."""
    with VirtualCelery(app, start=NOON, workers=2, beats=2) as celery:
        celery.kill_worker("worker2")
        celery.stop_beat("beat2")
        app.conf.task_acks_late = True
        celery.deploy()
        assert (list(celery.workers), list(celery.beats)) == (["worker1"], ["beat1"])
        with celery.workers["worker1"].active():
            assert app.conf.task_acks_late


def test_a_task_without_an_end_stops_a_deploy(app: Celery) -> None:
    """A supervisor would kill the worker in the end; the test says so itself."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["nap"].delay(86_400 * 3)
        celery.advance(seconds=1)
        with pytest.raises(NeverIdleError, match="worker1 waits for nap"):
            celery.deploy()


def test_a_task_cannot_deploy(app: Celery) -> None:
    """Only the test can."""
    with VirtualCelery(app, start=NOON) as celery:

        @app.task(name="deploys", shared=False)
        def deploys() -> None:
            celery.deploy()

        celery.kill_worker()
        celery.start_worker()
        deploys.delay()
        with pytest.raises(BadUseError, match=r"deploy\(\) inside a task"):
            celery.advance(seconds=1)
