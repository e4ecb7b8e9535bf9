"""A misspelled name is an error: no assertion passes because nothing matches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import BadUseError, VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

MISSPELLED: dict[str, Callable[[VirtualCelery], Any]] = {
    "assert_not_ran": lambda celery: celery.assert_not_ran("flakey"),
    "assert_ran": lambda celery: celery.assert_ran("flakey", times=0),
    "assert_sent": lambda celery: celery.assert_sent("flakey", times=0),
    "timeline.of": lambda celery: celery.timeline.of("started", "flakey"),
    "kill_worker": lambda celery: celery.kill_worker(during="flakey"),
}


@pytest.mark.parametrize("use", MISSPELLED.values(), ids=MISSPELLED)
def test_an_unknown_task_is_refused(app: Celery, use: Callable[[VirtualCelery], Any]) -> None:
    """Each method that takes a task refuses an unknown name and suggests the near one."""
    with (
        VirtualCelery(app, start=NOON) as celery,
        pytest.raises(BadUseError, match=r"no task is named 'flakey'.*near names: flaky"),
    ):
        use(celery)


@pytest.mark.parametrize(
    "use",
    [
        lambda celery: celery.timeline.of("success"),
        lambda celery: celery.timeline.of("started", worker="worker9"),
        lambda celery: celery.assert_ran("note", times=0, worker="worker9"),
        lambda celery: celery.assert_sent("note", times=0, by="beat9"),
        lambda celery: celery.kill_worker("worker9", during="note"),
    ],
)
def test_an_unknown_kind_or_member_is_refused(app: Celery, use: Callable[[VirtualCelery], Any]) -> None:
    """A kind of record, a worker and a beat are checked as a task is."""
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(BadUseError, match="near names: "):
        use(celery)


def test_a_name_without_a_near_one_lists_the_known(app: Celery) -> None:
    """Where no name is near, the error lists the app's tasks."""
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(BadUseError, match="known names: add, fail"):
        celery.assert_not_ran("zzz")


def test_tasks_of_other_services_are_known(app: Celery) -> None:
    """A task that this app only routes, schedules or has sent can be asserted on."""
    app.conf.task_routes = [{"billing.charge": {"queue": "billing"}}, [("billing.refund", "billing")]]
    app.conf.beat_schedule = {"nightly": {"task": "billing.close", "schedule": 3600}}
    with VirtualCelery(app, start=NOON, workers=0) as celery:
        celery.assert_sent("billing.charge", times=0)
        celery.assert_not_ran("billing.close")
        app.send_task("billing.refund")
        celery.assert_sent("billing.refund", times=1)
