"""A task that sleeps keeps its worker busy in virtual time, and nobody else."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import VirtualCelery

from . import naps
from .conftest import NOON
from .pages import FOLDER, run
from .shop import make_app

if TYPE_CHECKING:
    from pathlib import Path

    from celery import Celery

HOUR = timedelta(hours=1)


def test_sleep_takes_virtual_time(app: Celery, transport: str) -> None:
    """A task that sleeps holds its worker, and what waits behind it is late by that."""

    @app.task(name="slow", shared=False)
    def slow() -> None:
        time.sleep(90)

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        slow.delay()
        app.tasks["note"].delay()
        celery.run_until_idle()
        celery.assert_ran("note", at=NOON + timedelta(seconds=90))


def test_a_sleep_imported_by_name_is_virtual_too(app: Celery, transport: str) -> None:
    """A module that said `from time import sleep` before the clock froze sleeps virtually all the same."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["nap"].delay(3600)
        celery.run_until_idle()
        assert celery.now == NOON + HOUR


@pytest.mark.parametrize("way", naps.WAYS)
def test_a_sleep_that_an_object_holds_is_virtual_too(app: Celery, way: str) -> None:
    """An object, a closure or a partial that took the real sleep before the cluster started; it has it back after."""
    held = naps.Held()

    @app.task(name="waits", shared=False)
    def waits() -> None:
        held.ways[way]()

    with VirtualCelery(app, start=NOON, beats=0) as celery:
        waits.delay()
        celery.run_until_idle()
        assert celery.timeline.of("succeeded", "waits")[0].at == NOON + timedelta(minutes=1)
    real = time.sleep
    assert (held.holder.pause, naps.Static.pause, held.in_dict["pause"], held.in_list) == (real, real, real, [real])
    assert (held.minute.func, held.slotted.pause) == (real, real)


STARTS = """
import gc, sys, time
from datetime import datetime, timezone
from types import ModuleType
from unittest.mock import Mock
from celery import Celery
from celery_rehearsal import VirtualCelery, sleepers

app = Celery("shop", broker="amqp://broker.invalid")

def start():
    with VirtualCelery(app, start=datetime(2026, 1, 15, 12, tzinfo=timezone.utc), beats=0):
        pass

start()
gc.collect()
start()
sys.modules["has_no_sleep"] = ModuleType("has_no_sleep")
sleepers._owners = Mock(wraps=sleepers._owners)
start()
before = sleepers._owners.call_count
late = sys.modules["has_a_sleep"] = ModuleType("has_a_sleep")
late.pause = time.sleep
start()
print(before, sleepers._owners.call_count)
"""


def test_a_start_looks_for_bound_sleeps_once(tmp_path: Path) -> None:
    """To look goes through all objects: not again where every reference is known, however many modules have come.

    In a process of its own, because what other tests have left can hold a sleep.
    """
    assert run(["-c", STARTS], tmp_path, path=[FOLDER.parent]) == "0 1\n"


def test_a_module_that_comes_later_has_the_virtual_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start looks again where there is a new reference to the real one."""
    _start()
    late = ModuleType("has_a_sleep")
    late.pause = time.sleep  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "has_a_sleep", late)
    assert _start(late) is not time.sleep


def test_a_sleep_is_found_in_place_of_one_that_is_gone() -> None:
    """As many references as at the last start are not the same ones: a module has come, and a variable has gone."""
    kept = [time.sleep]
    _start()
    late = ModuleType("has_a_sleep")
    late.pause = kept.pop()  # type: ignore[attr-defined]
    assert _start(late) is not time.sleep


def _start(module: ModuleType | None = None) -> Any:
    with VirtualCelery(make_app(), start=NOON, beats=0):
        return getattr(module, "pause", None)


def test_a_sleep_kept_from_a_cluster_is_real_after_it(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """A patch that ends after the cluster puts the cluster's sleep back, and an object can hold it; both still work."""
    monkeypatch.setattr(time, "sleep", time.sleep)
    theirs = pytest.MonkeyPatch()
    with VirtualCelery(app, start=NOON, beats=0):
        kept = naps.Holder(time.sleep)
        theirs.setattr(time, "sleep", lambda _seconds: None)
    theirs.undo()
    kept.pause(0.001)
    time.sleep(0.001)
    with VirtualCelery(make_app(), start=NOON, beats=0) as celery:
        kept.pause(60)
        assert celery.now == NOON + timedelta(minutes=1)


def test_the_others_go_on_while_a_worker_sleeps(app: Celery, transport: str) -> None:
    """Beat keeps its hours and another worker takes what comes, while one sleeps in a task."""
    # Without it the one that sleeps would hold some of them back.
    app.conf.task_routes = {"nap": {"queue": "naps"}}
    app.conf.beat_schedule = {"minutely": {"task": "note", "schedule": 60.0}}
    with VirtualCelery(app, start=NOON, transport=transport, workers={"one": ["naps"], "two": ["celery"]}) as celery:
        app.tasks["nap"].delay(200)
        celery.advance(timedelta(minutes=5))
        minutes = [NOON + timedelta(minutes=n) for n in range(1, 6)]
        celery.assert_sent("note", at=minutes, by="beat1")
        celery.assert_ran("note", at=minutes)
        assert celery.timeline.of("succeeded", "nap")[0].at == NOON + timedelta(seconds=200)


def test_a_task_longer_than_the_visibility_timeout(app: Celery) -> None:
    """On Redis a task with late acks that works for 90 minutes is delivered to another worker after 60."""

    @app.task(name="long", acks_late=True, shared=False)
    def long() -> None:
        if len(celery.timeline.of("started", "long")) == 1:
            time.sleep(5400)

    with VirtualCelery(app, start=NOON, transport="fakeredis", workers=2) as celery:
        long.delay()
        celery.run_until_idle()
        celery.assert_ran("long", at=[NOON, NOON + HOUR])
        assert [r.worker for r in celery.timeline.of("redelivered")] == ["worker2"]
        assert celery.timeline.of("succeeded", "long")[-1].at == NOON + timedelta(minutes=90)


def test_a_sleeping_worker_can_be_killed(app: Celery) -> None:
    """A worker killed by what another runs, while it sleeps in a task, does not wake up in it."""

    @app.task(name="kills", shared=False)
    def kills() -> None:
        celery.kill_worker("worker1")

    app.conf.task_routes = {"nap": {"queue": "naps"}}
    with VirtualCelery(app, start=NOON, workers={"worker1": ["naps"], "worker2": ["celery"]}) as celery:
        app.tasks["nap"].delay(600)
        kills.apply_async(countdown=60)
        celery.advance(HOUR)
        assert [r.worker for r in celery.timeline.of("worker lost")] == ["worker1"]
        assert celery.timeline.of("succeeded", "nap") == []


def test_an_assertion_passes_those_who_sleep(app: Celery) -> None:
    """It ends the test also when it is raised while another worker's task sleeps."""

    @app.task(name="wrong", shared=False)
    def wrong() -> None:
        raise AssertionError("in the meantime")

    with VirtualCelery(app, start=NOON, workers=2) as celery:
        app.tasks["nap"].delay(600)
        wrong.apply_async(countdown=60)
        with pytest.raises(AssertionError, match="in the meantime"):
            celery.advance(HOUR)
        assert celery.now == NOON + timedelta(minutes=1)
