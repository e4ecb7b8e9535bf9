"""RedBeat under the kit: its entries and its lock on the cluster's fake Redis."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.schedules import crontab, schedule
from celery_rehearsal import BadUseError, VirtualCelery

from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery

redbeat: Any = pytest.importorskip("redbeat", reason="celery-redbeat is not installed")

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def red_app() -> Celery:
    """An app with an entry for each minute, in a Redis that exists nowhere."""
    return make_app(
        beat_scheduler="redbeat.RedBeatScheduler",
        redbeat_redis_url="redis://schedule.invalid/3",
        redbeat_redis_options={},
        redbeat_lock_timeout=1000,
        beat_schedule={"often": {"task": "note", "schedule": 60.0}},
        result_expires=None,
    )


def senders(celery: VirtualCelery) -> list[tuple[int, str]]:
    """Who sent the task, and how many minutes after the start."""
    return [(round((record.at - NOON) / MINUTE), record.by) for record in celery.timeline.of("sent", "note")]


def test_entries_run(red_app: Celery, transport: str) -> None:
    """A static entry, and one that a test adds as an application does, run on time."""
    with VirtualCelery(red_app, start=NOON, transport=transport) as celery:
        celery.advance(MINUTE)
        redbeat.RedBeatSchedulerEntry("added", "late", schedule(600), app=red_app).save()
        celery.advance(20 * MINUTE)
        celery.assert_ran("note", at=[NOON + n * MINUTE for n in range(1, 22)])
        # Ten minutes after it was saved.
        assert [record.at for record in celery.timeline.of("beat", "late")] == [NOON + n * MINUTE for n in (11, 21)]


def test_entries_are_known_before_they_fire(red_app: Celery) -> None:
    """An entry that a test adds is known with its zone, and a misspelled one is refused."""
    with VirtualCelery(red_app, start=NOON) as celery:
        daily = crontab(hour=18, minute=0, app=red_app)
        redbeat.RedBeatSchedulerEntry("daily", "late", daily, app=red_app, last_run_at=NOON).save()
        with pytest.raises(BadUseError, match="near names: daily"):
            celery.assert_local("dayly", "18:00")
        celery.assert_local("daily", "18:00", days=1)


def test_one_beat_has_the_lock(red_app: Celery, transport: str) -> None:
    """Of two beats one sends. After a clean stop the other takes over when it looks next, each five minutes."""
    with VirtualCelery(red_app, start=NOON, transport=transport, beats=2) as celery:
        celery.advance(HOUR + 2 * MINUTE)
        assert senders(celery) == [(n, "beat1") for n in range(1, 63)]
        celery.stop_beat("beat1")
        celery.advance(8 * MINUTE)
        assert senders(celery)[62:] == [(65, "beat2"), *((n, "beat2") for n in range(66, 71))]


def test_a_killed_beats_lock_expires(red_app: Celery, transport: str) -> None:
    """A killed beat's lock lives on for redbeat_lock_timeout after its last tick; started again, it waits its turn."""
    with VirtualCelery(red_app, start=NOON, transport=transport, beats=2) as celery:
        celery.advance(10 * MINUTE)
        celery.stop_beat("beat1", kill=True)
        celery.advance(5 * MINUTE)
        celery.start_beat("beat1")
        celery.advance(25 * MINUTE)
        late = senders(celery)[10:]
        # 1000 s after 12:10 is 12:26:40: the first to look after it, each looking once in five minutes, is beat2.
        assert late[0] == (30, "beat2")
        assert {name for _minute, name in late} == {"beat2"}


def test_a_restarted_beat_goes_on(red_app: Celery) -> None:
    """The schedule is in Redis: a restart forgets nothing, and another cluster has a Redis of its own."""
    for _cluster in range(2):
        with VirtualCelery(red_app, start=NOON) as celery:
            celery.advance(10 * MINUTE)
            celery.stop_beat()
            celery.start_beat()
            celery.advance(10 * MINUTE)
            assert senders(celery) == [(n, "beat1") for n in range(1, 21)]
        assert not hasattr(red_app, "redbeat_redis")
