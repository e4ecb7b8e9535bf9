"""Libraries that wrap Celery's tracer, as Sentry's integration does, see in a cluster what they see in a worker."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest
from celery.app import trace
from celery_rehearsal import VirtualCelery, seams

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the integration has seen. It wraps the tracer, and once for each task what the tracer calls."""
    told: list[str] = []
    original = trace.build_tracer

    def wrapped(what: str, function: Any) -> Any:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            told.append(what)
            return function(*args, **kwargs)

        return inner

    def integration(name: str, task: Any, *args: Any, **kwargs: Any) -> Any:
        if not getattr(task, "_is_wrapped", False):
            if trace.task_has_custom(task, "__call__"):
                type(task).__call__ = wrapped(f"{name} runs", type(task).__call__)
            else:
                task.run = wrapped(f"{name} runs", task.run)
            task._is_wrapped = True
        return wrapped(f"{name} traced", original(name, task, *args, **kwargs))

    monkeypatch.setattr(trace, "build_tracer", integration)
    return told


def test_no_seam_has_moved(told: list[str]) -> None:
    """The wrapped function is still Celery's."""
    assert seams.moved_seams() == []


def test_integration_sees_each_run_once(app: Celery, told: list[str]) -> None:
    """A second cluster, and a second start of a worker, wrap nothing a second time."""
    for _cluster in range(2):
        told.clear()
        with VirtualCelery(app, start=NOON) as celery:
            celery.stop_worker()
            celery.start_worker()
            app.send_task("note")
            celery.run_until_idle()
        assert told == ["note traced", "note runs"]


def test_task_is_as_before(app: Celery, told: list[str]) -> None:
    """What the integration wrapped inside the cluster was the cluster's."""
    note = app.tasks["note"]
    before = dict(vars(note)), dict(vars(type(note)))
    with VirtualCelery(app, start=NOON):
        pass
    assert (dict(vars(note)), dict(vars(type(note)))) == before


def test_failed_assertion_passes_the_integration(app: Celery, told: list[str]) -> None:
    """An assertion in a task still fails the test."""

    @app.task(name="check", shared=False)
    def check() -> None:
        raise AssertionError("wrong")

    with VirtualCelery(app, start=NOON) as celery:
        check.delay()
        with pytest.raises(AssertionError, match="wrong"):
            celery.run_until_idle()
