"""How each process gets settings of its own, whatever they are made of, and how settings forget it."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from celery import Celery
from celery_rehearsal import VirtualCelery

from .conftest import NOON

MINUTE = timedelta(minutes=1)


def test_settings_that_are_one_object_stay_one_in_each_process(app: Celery) -> None:
    """Two settings can be one list, and one can contain itself. A worker has one copy of it, under both names."""
    shared: list[Any] = []
    app.conf.one, app.conf.two, app.conf.nested = shared, shared, {"itself": None, "list": [shared]}
    app.conf.nested["itself"] = app.conf.nested

    @app.task(name="append", shared=False)
    def append() -> list[Any]:
        app.conf.one.append("worker")
        return [*app.conf.two, *app.conf.nested["itself"]["list"][0]]

    with VirtualCelery(app, start=NOON, beats=0) as celery:
        sent = append.delay()
        celery.run_until_idle()
        assert sent.result == ["worker", "worker"]
        assert shared == app.conf.two == []
        assert app.conf.nested["itself"] is app.conf.nested


@pytest.mark.parametrize("transport", ["memory", "fakeredis"])
def test_settings_forget_the_processes_that_are_gone(app: Celery, transport: str) -> None:
    """A process's AMQP object listens to settings while it lives; a hundredth cluster starts as fast as the first."""
    app.amqp  # noqa: B018 # makes the test's own
    before = list(vars(app.conf)["_observers"])
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        celery.kill_worker("worker1")
        celery.start_worker("worker1")
        celery.stop_beat()
        celery.start_beat()
        assert vars(app.conf)["_observers"] == before
    assert vars(app.conf)["_observers"] == before


class Project:
    """Settings as an object with a namespace, as Django's are."""

    CELERY_BEAT_SCHEDULE: ClassVar[dict[str, Any]] = {"entry": {"task": "note", "schedule": timedelta(hours=1)}}
    CELERY_TASK_ROUTES: ClassVar[list[Any]] = [{"note": {"queue": "notes"}}]


@pytest.mark.parametrize("read_first", [True, False])
def test_settings_of_an_object_are_separate_too(read_first: bool) -> None:
    """A task that changes them in place changes neither the object nor the next beat, whenever they are first read."""
    app = Celery("project", broker="redis://broker.invalid/0", set_as_current=False, fixups=[])
    app.config_from_object(Project, namespace="CELERY")
    before = copy.deepcopy((Project.CELERY_BEAT_SCHEDULE, Project.CELERY_TASK_ROUTES))

    @app.task(name="note", shared=False)
    def note() -> None: ...

    @app.task(name="spoil", shared=False)
    def spoil_in_place() -> None:
        app.conf.beat_schedule["other"] = {"task": "note", "schedule": 1.0}
        app.conf.task_routes[0]["note"]["queue"] = "elsewhere"

    if read_first:
        assert app.conf.beat_schedule is Project.CELERY_BEAT_SCHEDULE
    with VirtualCelery(app, start=NOON) as celery:
        spoil_in_place.delay()
        celery.advance(MINUTE)
        celery.stop_beat()
        celery.start_beat(fresh=True)
        celery.advance(timedelta(hours=2))
        assert {record.entry for record in celery.timeline.of("beat")} == {"entry"}
        spoil_in_place.run()
    assert before == (Project.CELERY_BEAT_SCHEDULE, Project.CELERY_TASK_ROUTES)
    assert app.conf.beat_schedule is Project.CELERY_BEAT_SCHEDULE


def test_settings_keep_nothing_of_a_cluster(app: Celery) -> None:
    """Each process has an AMQP object that listens to the settings; thousands of clusters leave none behind."""
    kept = []
    for _ in range(3):
        with VirtualCelery(app, start=NOON, workers=2) as celery:
            celery.kill_worker("worker1")
            celery.start_worker()
        kept.append(len(app.conf._observers))
    assert kept == [kept[0]] * 3
