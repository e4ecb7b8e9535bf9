"""Each exception that is not for Celery leaves the cluster unchanged."""

from __future__ import annotations

import asyncio
import bdb
import unittest
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import celery as celery_package
import pytest
from celery import Task, signals
from celery.exceptions import WorkerShutdown, WorkerTerminate
from celery.schedules import schedule
from celery_rehearsal import VirtualCelery

from .conftest import NOON
from .test_restoration import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery


class OwnError(BaseException):
    """A user's own, outside of Exception."""


class Leaves(schedule):
    """Raises `error`. Beat pickles its entries, so the class is the module's."""

    error: BaseException = OwnError()

    def is_due(self, _last_run_at: Any) -> Any:
        raise self.error


# Celery takes these for an error of the task, because they are an Exception; the test runner does not.
VERDICTS = [
    AssertionError("wrong"),
    pytest.exit.Exception("stop"),
    unittest.SkipTest("skip"),
    bdb.BdbQuit("quit"),
    pytest.fail.Exception("fail"),
    pytest.skip.Exception("skip"),
    pytest.xfail.Exception("xfail"),
    KeyboardInterrupt("ctrl-c"),
]
if find_spec("hypothesis"):
    from hypothesis.errors import UnsatisfiedAssumption

    VERDICTS += [UnsatisfiedAssumption("other")]
EXITS = [*VERDICTS, SystemExit(3)]
# What ends a child in production, or fails its task; the worker goes on.
OF_A_CHILD = [
    GeneratorExit("close"),
    asyncio.CancelledError("cancel"),
    OwnError("own"),
    WorkerShutdown(0),
    WorkerTerminate(0),
]
NOW = timedelta(0)


def name_of(error: BaseException) -> str:
    return type(error).__name__


def leaver(app: Celery, error: BaseException, **options: Any) -> Any:
    @app.task(name="leaves", shared=False, **options)
    def leaves(*_args: Any) -> None:
        raise error

    return leaves


def in_task(app: Celery, error: BaseException) -> Any:
    return leaver(app, error).si()


def after_an_eta(app: Celery, error: BaseException) -> Any:
    return leaver(app, error).si().set(countdown=60)


def in_link(app: Celery, error: BaseException) -> Any:
    return app.tasks["note"].si().set(link=leaver(app, error).si())


def in_errback(app: Celery, error: BaseException) -> Any:
    @app.task(name="leaves", shared=False)
    def errback(_request: Any, _error: Any, _traceback: Any) -> None:
        raise error

    return app.tasks["fail"].si().set(link_error=errback.s())


def in_retry(app: Celery, error: BaseException) -> Any:
    @app.task(name="leaves", bind=True, shared=False)
    def leaves(self: Any) -> None:
        if self.request.retries:
            raise error
        raise self.retry(countdown=60)

    return leaves.si()


def behind_autoretry(app: Celery, error: BaseException) -> Any:
    return leaver(app, error, autoretry_for=(Exception,)).si()


# In every place: an Exception, an error outside of it, and one that a task can catch. The others in one place.
FAR = (AssertionError, KeyboardInterrupt, SystemExit)
PLACES = [in_task, after_an_eta, in_link, in_errback, in_retry, behind_autoretry]


@pytest.mark.parametrize(
    ("place", "error"),
    [(place, error) for error in EXITS for place in (PLACES if type(error) in FAR else PLACES[:1])],
    ids=lambda each: each.__name__ if callable(each) else name_of(each),
)
def test_an_exit_leaves_the_cluster_unchanged(
    app: Celery, place: Callable[[Celery, BaseException], Any], error: BaseException
) -> None:
    """The very object reaches the test, the process is as before, and the next cluster works."""
    signature = place(app, error)
    before = picture(app)
    with VirtualCelery(app, start=NOON) as celery:
        signature.apply_async()
        with pytest.raises(type(error)) as caught:
            celery.advance(timedelta(hours=1))
        assert caught.value is error
        assert celery.timeline.of("failed", "leaves") == []
    assert picture(app) == before
    with VirtualCelery(app, start=NOON, transport="fakeredis") as celery:
        app.tasks["note"].delay()
        celery.run_until_idle()
        celery.assert_ran("note")


@pytest.mark.parametrize("error", VERDICTS, ids=name_of)
@pytest.mark.parametrize("wide", [True, False], ids=["autoretry", "another asleep"])
def test_no_task_swallows_a_verdict(app: Celery, error: BaseException, wide: bool) -> None:
    """Not by an autoretry for everything, nor by a task that sleeps when another's verdict passes it."""

    @app.task(name="catches", shared=False)
    def catches() -> None:
        with suppress(BaseException):
            app.tasks["nap"].run(600)

    leaves = leaver(app, error, **({"autoretry_for": (BaseException,)} if wide else {}))
    with VirtualCelery(app, start=NOON, workers=2) as celery:
        if not wide:
            catches.delay()
        leaves.apply_async(countdown=60)
        with pytest.raises(type(error)) as caught:
            celery.advance(timedelta(hours=1))
        assert caught.value is error


@pytest.mark.parametrize("error", OF_A_CHILD, ids=name_of)
@pytest.mark.parametrize("place", [in_task, after_an_eta, in_link, in_retry, behind_autoretry])
def test_other_exceptions_fail_the_task(
    app: Celery, place: Callable[[Celery, BaseException], Any], error: BaseException
) -> None:
    """They are a matter of the pool, as in production: the task fails, once, and the worker goes on.

    Up to Celery 5.6 a JSON result holds no such error: real workers only log that, and the task stays as it was.
    """
    signature = place(app, error)
    with VirtualCelery(app, start=NOON) as celery:
        signature.apply_async()
        celery.advance(timedelta(hours=1))
        assert len(celery.timeline.of("failed", "leaves")) == int(celery_package.VERSION >= (5, 7))
        assert celery.workers_down == []
        app.tasks["note"].delay()
        celery.run_until_idle()
        celery.assert_ran("note")


HANDLERS = ["task_received", "task_prerun", "task_success", "task_postrun", "beat publish"]
IN_CHILDREN = {"task_prerun", "task_success", "task_postrun"}
OTHERS = [(name, error) for name in HANDLERS for error in OF_A_CHILD[:3] if name not in IN_CHILDREN]


@pytest.mark.parametrize(
    ("name", "error"),
    [*((name, error) for name in HANDLERS for error in EXITS), *OTHERS],
    ids=lambda part: part if isinstance(part, str) else name_of(part),
)
def test_an_exit_leaves_a_signal_handler(app: Celery, name: str, error: BaseException) -> None:
    """Of a worker, and of a beat that publishes."""
    signal = getattr(signals, name, signals.before_task_publish)
    app.conf.beat_schedule = {"entry": {"task": "note", "schedule": timedelta(minutes=1)}}

    def handler(**_kwargs: Any) -> None:
        raise error

    signal.connect(handler)
    try:
        with VirtualCelery(app, start=NOON) as celery, pytest.raises(type(error)) as caught:
            celery.advance(timedelta(hours=1))
    finally:
        signal.disconnect(handler)
    assert caught.value is error


@pytest.mark.parametrize("error", VERDICTS, ids=name_of)
@pytest.mark.parametrize("method", ["__call__", "before_start", "on_success", "after_return", "on_failure", "on_retry"])
def test_a_verdict_leaves_a_method_of_the_task(app: Celery, method: str, error: BaseException) -> None:
    """Celery's methods for users swallow an Exception in some versions, and fail the task in others."""

    def leaves(*_args: Any, **_kwargs: Any) -> None:
        raise error

    base = type("Base", (Task,), {method: leaves, "abstract": True})

    @app.task(name="ends", base=base, bind=True, shared=False)
    def ends(self: Any) -> None:
        if method == "on_failure":
            raise ValueError
        if method == "on_retry":
            raise self.retry()

    with VirtualCelery(app, start=NOON) as celery:
        ends.delay()
        with pytest.raises(type(error)) as caught:
            celery.advance(NOW)
        assert caught.value is error


@pytest.mark.parametrize("error", [*EXITS, *OF_A_CHILD], ids=name_of)
def test_an_exit_leaves_a_schedule(app: Celery, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Code of a custom schedule runs in beat, which logs each Exception that is not for the test, as in production."""
    monkeypatch.setattr(Leaves, "error", error)
    app.conf.beat_schedule = {"entry": {"task": "note", "schedule": Leaves(60)}}
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(type(error)) as caught:
        celery.advance(NOW)
    assert caught.value is error
