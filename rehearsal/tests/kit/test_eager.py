"""Eager mode stays off in a cluster, wherever the app's settings turn it on, and turning it on there is refused."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import django
import pytest
from celery import Celery, chain, chord, group
from celery.app.utils import Settings
from celery_rehearsal import BadUseError, VirtualCelery
from celery_rehearsal.settings import SETTINGS
from django.test import override_settings

from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EAGER = "CELERY_TASK_ALWAYS_EAGER"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """An app whose settings are Django's, with the namespace that Celery's manual gives them."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", os.environ.get("DJANGO_SETTINGS_MODULE", "kit.django_settings"))
    django.setup()
    monkeypatch.setattr(sys, "path", sys.path.copy())  # Celery's Django fixup adds the working directory
    app = Celery("project", set_as_current=False)
    # Beat takes it for an app of default options, which a project has.
    app.set_as_current = True  # type: ignore[attr-defined]  # celery-types leaves it out
    app.config_from_object("django.conf:settings", namespace="CELERY")

    @app.task(name="note", shared=False)
    def note(*_args: Any) -> None:
        """Do nothing."""

    schedule = {"each": {"task": "note", "schedule": 60}}
    # Leaving it ends what a test turned on, too.
    with override_settings(CELERY_BROKER_URL="redis://broker.invalid/0", CELERY_BEAT_SCHEDULE=schedule):
        yield app


def turn_on_in_django(app: Celery) -> None:
    override_settings(**{EAGER: True}).enable()


@pytest.mark.parametrize("name", [EAGER, "CELERY_ALWAYS_EAGER"])
def test_eager_django_settings_do_not_reach_a_cluster(project: Celery, name: str) -> None:
    """With eager mode on in Django's settings, by its new or its old name, beat and the test send to the worker."""
    with override_settings(**{name: True}), VirtualCelery(project, start=NOON) as celery:
        project.tasks["note"].delay()
        celery.assert_not_ran("note")
        celery.advance(MINUTE)
        celery.assert_sent("note", by="beat1", times=1)
        celery.assert_ran("note", times=2)


@pytest.mark.parametrize("name", SETTINGS)
def test_each_namespaced_setting_is_overridden(project: Celery, name: str) -> None:
    """Celery reads the cluster's value of each setting that the kit writes, not Django's."""
    with override_settings(**{f"CELERY_{name.upper()}": not SETTINGS[name]}):
        with VirtualCelery(project, start=NOON):
            assert project.conf[name] == SETTINGS[name]
        assert project.conf[name] != SETTINGS[name]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_without_effect_is_named(app: Celery, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Where Celery reads something else than the kit wrote, the cluster does not start."""
    celery = VirtualCelery(app, start=NOON)  # before the change, which would be a moved seam
    monkeypatch.setattr(Settings, name, property(lambda _conf: "fixed"), raising=False)
    with pytest.raises(BadUseError, match=f"overridden: {name} is still 'fixed', not False; "), celery:
        pass


TURN_ON: dict[str, Callable[[Celery], Any]] = {
    "Django's settings": turn_on_in_django,
    "app.conf": lambda app: setattr(app.conf, "task_always_eager", True),
    "update": lambda app: app.conf.update(task_always_eager=True),
    "namespaced": lambda app: app.conf.update({EAGER: True}),
    "old name": lambda app: app.conf.update(CELERY_ALWAYS_EAGER=True),
    "other settings": lambda app: app.config_from_object({EAGER: True}, namespace="CELERY"),
}
SEND: dict[str, Callable[[Any, VirtualCelery], Any]] = {
    "delay": lambda note, _celery: note.delay(),
    "chain": lambda note, _celery: chain(note.si(), note.si())(),
    "group": lambda note, _celery: group(note.si())(),
    "chord": lambda note, _celery: chord([note.si()])(note.s()),
    "send_task": lambda note, _celery: note.app.send_task("note"),
    "advance": lambda _note, celery: celery.advance(MINUTE),
}


@pytest.mark.parametrize("turn_on", TURN_ON.values(), ids=TURN_ON)
@pytest.mark.parametrize("send", SEND.values(), ids=SEND)
def test_turning_eager_on_inside_a_cluster_is_refused(
    project: Celery, turn_on: Callable[[Celery], Any], send: Callable[[Any, VirtualCelery], Any]
) -> None:
    """Each way to turn it on is named as eager at the next use, and no task has run."""
    with VirtualCelery(project, start=NOON) as celery:
        turn_on(project)
        with pytest.raises(BadUseError, match=r"(?i)always_eager was turned on inside a cluster"):
            send(project.tasks["note"], celery)
        celery.assert_not_ran("note")


@pytest.mark.parametrize("turn_on", TURN_ON.values(), ids=TURN_ON)
@pytest.mark.parametrize("sends", [True, False], ids=["the task sends", "beat sends"])
def test_a_task_that_turns_eager_on_stops_the_test(
    project: Celery, turn_on: Callable[[Celery], Any], sends: bool
) -> None:
    """Neither the task's autoretry nor beat, which logs what its sending raises, swallows the refusal."""

    @project.task(name="turns", shared=False, autoretry_for=(Exception,))
    def turns() -> None:
        turn_on(project)
        if sends:
            project.tasks["note"].delay()

    with VirtualCelery(project, start=NOON) as celery:
        turns.delay()
        with pytest.raises(BadUseError, match=r"(?i)always_eager was turned on inside a cluster"):
            celery.advance(timedelta(hours=1))
        celery.assert_not_ran("note")
