"""First steps with Django: settings under the CELERY namespace, shared tasks, autodiscovery, and eager mode.

Eager mode calls the task in place: it tells the truth about names, imports and arguments, and about nothing else.
"""

import sys
from collections.abc import Iterator
from typing import Any

import celery
import pytest
from celery import Celery, current_app

import celery_app
from lesson.app import add, app
from refunds.tasks import reconcile


@pytest.fixture
def fresh() -> Iterator[Celery]:
    """An app of a project that has just been started."""
    new = Celery("fresh", set_as_current=False)
    yield new
    new.close()


@pytest.fixture
def eager() -> Iterator[None]:
    """The lesson's app calling its tasks in place."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def test_settings_from_django(fresh: Celery, settings: Any) -> None:
    """`config_from_object("django.conf:settings", namespace="CELERY")` reads what begins with CELERY_."""
    settings.CELERY_TASK_SOFT_TIME_LIMIT = 7
    settings.TASK_TIME_LIMIT = 9  # without the prefix it is not Celery's

    fresh.config_from_object("django.conf:settings", namespace="CELERY")

    assert fresh.conf.task_soft_time_limit == 7
    assert fresh.conf.task_time_limit == settings.CELERY_TASK_TIME_LIMIT == 90
    assert str(fresh.conf.timezone) == "Europe/Kyiv"


def test_autodiscovery(fresh: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """`autodiscover_tasks` imports the module `tasks` of each package, once the app loads its modules."""
    module = "lesson.discovered.tasks"
    monkeypatch.delitem(sys.modules, module, raising=False)

    fresh.autodiscover_tasks(["lesson.discovered"])
    assert module not in sys.modules
    fresh.loader.import_default_modules()

    assert sys.modules[module].FOUND == "lesson.discovered"


def test_project_discovers_its_tasks() -> None:
    """The project's own app knows the tasks of the installed apps by their names."""
    celery_app.app.loader.import_default_modules()

    assert {"refunds.plan_sweep", "refunds.pay_refund", "refunds.reconcile"} <= set(celery_app.app.tasks)


def test_shared_task(fresh: Celery) -> None:
    """A `shared_task` needs no app to be written, and is a task of every app."""
    assert reconcile.name == "refunds.reconcile"
    assert reconcile.app is celery_app.app
    fresh.finalize()
    assert fresh.tasks["refunds.reconcile"].app is fresh


def test_lesson_leaves_the_current_app_alone() -> None:
    """The lesson's app is not everybody's: shared tasks still belong to the project's."""
    assert current_app.main == celery_app.app.main == "refunds"
    assert not [name for name in celery_app.app.tasks if name.startswith("lesson")]


def test_routing() -> None:
    """`task_routes` names a queue for a task; others go to the default queue."""
    router = app.amqp.router

    assert router.route({}, "lesson.app.mul")["queue"].name == "multiplication"
    assert router.route({}, "lesson.app.add")["queue"].name == app.conf.task_default_queue == "celery"


@pytest.mark.usefixtures("eager")
def test_eager_call_returns_the_result() -> None:
    """With `task_always_eager`, `delay` is a call: the result is there at once, and no broker is asked."""
    result = add.delay(4, 4)

    assert isinstance(result, celery.result.EagerResult)
    assert (result.get(), result.ready()) == (8, True)


@pytest.mark.usefixtures("eager")
def test_eager_call_checks_the_arguments() -> None:
    """A call that does not fit the task is refused where it is made."""
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        add.delay(4)
