"""A misspelled name is an error: no assertion passes because nothing matches it."""

from __future__ import annotations

from datetime import timedelta
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
        lambda celery: celery.assert_sent("note", times=0, entry="nightlyy"),
        lambda celery: celery.assert_sent("note", times=0, queue="celeri"),
        lambda celery: celery.assert_ran("note", times=0, id="e3e70682-c209-4cac-a29f-6fbed82c07cx"),
        lambda celery: celery.assert_not_ran("note", worker="worker9"),
        lambda celery: celery.assert_retried("note", times=0, id="e3e70682-c209-4cac-a29f-6fbed82c07cx"),
        lambda celery: celery.kill_worker("worker9", during="note"),
    ],
)
def test_an_unknown_kind_or_member_is_refused(app: Celery, use: Callable[[VirtualCelery], Any]) -> None:
    """A kind of record, a worker, a beat, an entry, a queue and an id are checked as a task is."""
    app.conf.beat_schedule = {"nightly": {"task": "note", "schedule": timedelta(days=1)}}
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay()
        with pytest.raises(BadUseError, match="near names: "):
            use(celery)


def test_names_that_nothing_has_used_yet_are_known(app: Celery) -> None:
    """A queue that a route or an entry names, an entry, and the id of a task later in a chain can be asserted on."""
    app.conf.task_routes = {"note": {"queue": "notes"}, "late": "slow"}
    options = {"queue": "nights"}
    app.conf.beat_schedule = {"nightly": {"task": "note", "schedule": timedelta(days=1), "options": options}}
    with VirtualCelery(app, start=NOON) as celery:
        chain = app.tasks["fail"].si() | app.tasks["add"].si([1])
        second = chain.apply_async().id
        celery.advance(timedelta(0))
        celery.assert_not_ran("add", id=second)
        for queue in ("notes", "slow", "nights", "celery"):
            celery.assert_sent("late", times=0, queue=queue)
        celery.assert_sent("note", times=0, entry="nightly")


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
