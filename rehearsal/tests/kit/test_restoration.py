"""After every exit, exceptions included, the process is as it was."""

from __future__ import annotations

import copy
import gc
import logging
import random
import time
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery import _state, beat, signals
from celery.app import trace
from celery.utils.collections import ConfigurationView
from celery.worker import state
from celery_rehearsal import VirtualCelery
from kombu.asynchronous import timer
from kombu.utils.uuid import uuid as kombu_uuid

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery

SIGNALS = ("before_task_publish", "after_task_publish", "task_received", "task_prerun", "task_success")


def picture(app: Celery) -> dict[str, Any]:
    """Everything that a cluster swaps."""
    anything: Any = app
    # settings, tasks and backend are loaded lazily, and stay loaded
    app.finalize()
    anything.conf.get("timezone")
    return {
        "conf": copy.copy(anything.conf.changes),
        "look-up": ConfigurationView.__getitem__,
        "pool": anything._pool,
        "producers": anything.amqp._producer_pool,
        "backend": type(anything.backend),
        "connection": vars(app).get("_connection"),
        "queues": dict(anything.amqp.queues),
        "consumed": anything.amqp.queues._consume_from,
        "current app": _state.get_current_app(),
        "join": _state.__dict__["_task_join_will_block"],
        "clock": (time.time, time.monotonic, time.sleep, datetime),
        "defaults": [
            getattr(function, "__defaults__", None)
            for function in (timer.to_timestamp, timer.Timer.enter_at, trace.build_tracer, kombu_uuid)
        ],
        "order": vars(beat.ScheduleEntry)["__lt__"],
        "random": random.getstate(),
        "receivers": [list(getattr(signals, name).receivers or ()) for name in SIGNALS],
        "runs": [vars(task).get("run") for task in app.tasks.values()],
        "traces": [task.__trace__ for task in app.tasks.values()],
        "worker state": [len(state.requests), len(state.revoked), len(state.active_requests)],
    }


def use(app: Celery) -> None:
    app.conf.task_default_priority = 3
    app.tasks["note"].delay()
    app.tasks["note"].apply_async(countdown=9, expires=3)
    app.tasks["limited"].apply_async(queue="elsewhere")


def leave_by(error: type[BaseException], app: Celery, transport: str) -> None:
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        use(app)
        celery.advance(timedelta(minutes=1))
        raise error


def test_a_clean_exit_restores_everything(app: Celery, transport: str) -> None:
    """Configuration, pools, clock, ids, randomness, signals and worker state are as before."""
    before = picture(app)
    with VirtualCelery(app, start=NOON, transport=transport, workers=2, beats=2) as celery:
        use(app)
        celery.advance(timedelta(days=1))
        celery.kill_worker("worker1")
    assert picture(app) == before


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_an_exception_restores_everything(app: Celery, transport: str, error: type[BaseException]) -> None:
    """So they are when the block is left by an exception."""
    before = picture(app)
    with pytest.raises(error):
        leave_by(error, app, transport)
    assert picture(app) == before


def test_a_failed_start_restores_everything(app: Celery) -> None:
    """So they are when a scheduler cannot even be loaded."""
    before = picture(app)
    with pytest.raises((ImportError, AttributeError)):
        VirtualCelery(app, start=NOON, scheduler="no.such:Scheduler").__enter__()
    assert picture(app) == before


def test_a_failed_assertion_in_a_task_restores_everything(app: Celery) -> None:
    """So they are when a task's assertion ends the test."""

    @app.task(name="wrong", shared=False)
    def wrong() -> None:
        assert uuid.uuid4() is None

    before = picture(app)
    with VirtualCelery(app, start=NOON) as celery:
        wrong.delay()
        with pytest.raises(AssertionError):
            celery.advance(timedelta(0))
    assert picture(app) == before


def test_one_cluster_leaves_the_next_a_clean_broker(app: Celery, transport: str) -> None:
    """Messages left by one cluster are not there in the next."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=0):
        app.tasks["note"].delay()
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        celery.assert_idle()


def test_the_next_cluster_hears_of_messages(app: Celery, transport: str) -> None:
    """Celery up to 5.6 keeps the list of receivers that it found at an app's first message."""
    for _ in range(3):
        with VirtualCelery(app, start=NOON, transport=transport) as celery:
            app.tasks["note"].delay()
            assert len(celery.timeline.of("sent")) == 1


def test_nothing_of_a_cluster_stays(app: Celery, transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten clusters more leave no more objects than the first did: a state machine starts thousands."""
    # pytest keeps every record of a test that may fail.
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)

    def objects_after(clusters: int) -> int:
        for _ in range(clusters):
            with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
                use(app)
                celery.advance(timedelta(hours=1))
                celery.kill_worker("worker1")
        gc.collect()
        return len(gc.get_objects())

    before = objects_after(2)
    # Some caches of Celery and kombu fill up for good. 300 are 30 for a cluster; an AMQP object has nearly twenty.
    assert objects_after(10) - before < 300
