"""Tasks that a test defines or patches while the cluster runs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from celery_rehearsal import BadUseError, VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery


def test_a_task_defined_after_the_start_is_refused(app: Celery) -> None:
    """A worker does not know a task that was defined since it started; the error says what to do."""
    with VirtualCelery(app, start=NOON) as celery:

        @app.task(name="latecomer", shared=False)
        def latecomer() -> None: ...

        latecomer.delay()
        with pytest.raises(BadUseError, match=r"'latecomer' was defined after worker1 started.*restart the worker"):
            celery.run_until_idle()


def test_a_restarted_worker_knows_a_late_task(app: Celery) -> None:
    """A worker that starts after the definition runs the task, and its assertions reach the test."""
    with VirtualCelery(app, start=NOON) as celery:

        @app.task(name="latecomer", shared=False)
        def latecomer(works: bool) -> None:
            assert works

        celery.stop_worker()
        celery.start_worker()
        latecomer.delay(works=True)
        celery.run_until_idle()
        celery.assert_ran(latecomer, times=1)
        latecomer.delay(works=False)
        with pytest.raises(AssertionError):
            celery.run_until_idle()


@pytest.fixture(params=["plain", "autoretry"])
def task_name(request: pytest.FixtureRequest, app: Celery) -> str:
    """The name of a task with and without Celery's own wrapper around `run`."""

    @app.task(name="plain", shared=False)
    def plain(value: int) -> int:
        return value

    @app.task(name="autoretry", shared=False, autoretry_for=(Exception,), retry_backoff=60)
    def autoretry(value: int) -> int:
        return value

    return str(request.param)


def test_a_task_is_patched_while_the_cluster_runs(app: Celery, task_name: str) -> None:
    """`patch.object(task, "run")` replaces the task's code, and its end brings the code back."""
    task = app.tasks[task_name]
    with VirtualCelery(app, start=NOON) as celery:
        with patch.object(task, "run", return_value="patched") as run:
            task.delay(1)
            celery.run_until_idle()
        run.assert_called_once_with(1)
        task.delay(2)
        celery.run_until_idle()
        run.assert_called_once_with(1)
        assert [record.detail for record in celery.timeline.of("succeeded")] == ["= 'patched'", "= 2"]


def test_a_task_is_patched_before_the_cluster_starts(app: Celery, task_name: str) -> None:
    """A patch made before the start is in force, and the cluster leaves it as it found it."""
    task = app.tasks[task_name]
    with patch.object(task, "run", return_value="patched") as run:
        with VirtualCelery(app, start=NOON) as celery:
            task.delay(1)
            celery.run_until_idle()
        assert task.run is run
    run.assert_called_once_with(1)
    assert task.run(2) == 2


@pytest.mark.parametrize("patched_first", [True, False])
def test_a_patch_and_a_cluster_can_overlap(app: Celery, task_name: str, patched_first: bool) -> None:
    """Whichever of the two ends first, the task's own code is back at the end."""
    task = app.tasks[task_name]
    change, cluster = patch.object(task, "run", return_value="patched"), VirtualCelery(app, start=NOON)
    for entered in (change, cluster) if patched_first else (cluster, change):
        entered.__enter__()
    for left in (change, cluster) if patched_first else (cluster, change):
        left.__exit__(None, None, None)
    assert task.run(2) == 2


def test_assertions_and_kills_work_in_a_patched_task(app: Celery, task_name: str) -> None:
    """An AssertionError of the patch reaches the test, and a worker can be killed in a patched run."""
    task = app.tasks[task_name]
    with VirtualCelery(app, start=NOON) as celery, patch.object(task, "run", side_effect=AssertionError("seen")):
        task.delay(1)
        with pytest.raises(AssertionError, match="seen"):
            celery.run_until_idle()
        celery.kill_worker(during=task)
        task.delay(1)
        celery.advance(minutes=1)
        assert len(celery.timeline.of("worker lost")) == 1


def test_a_bare_mock_succeeds(app: Celery, task_name: str) -> None:
    """A patch without a return value returns a mock, which no serializer takes; the task returns None."""
    task = app.tasks[task_name]
    with VirtualCelery(app, start=NOON) as celery, patch.object(task, "run"):
        assert task.delay(1).get(timeout=60) is None
        assert len(celery.timeline.of("succeeded")) == 1


def test_a_task_is_called_with_any_keyword(app: Celery) -> None:
    """Celery's own `celery.starmap` is a call with `task`, as chunks send it."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].chunks([(), ()], 2).apply_async()
        celery.run_until_idle()
        assert [record.task for record in celery.timeline.of("succeeded")] == ["celery.starmap"]
