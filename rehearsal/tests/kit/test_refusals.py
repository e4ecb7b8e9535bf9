"""A refusal fails the test, wherever in the code of the app it happens: Celery would log it and go on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery import Task, signals
from celery.backends.base import KeyValueStoreBackend
from celery.schedules import schedule
from celery_rehearsal import RealWorldError, VirtualCelery

from .conftest import NOON
from .reaches import tcp

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)


class Reaches(schedule):
    """A schedule that asks a server. Beat pickles its entries, so the class is the module's."""

    def is_due(self, _last_run_at: Any) -> Any:
        tcp()


def test_a_refusal_in_a_schedule_fails_the_test(app: Celery) -> None:
    """Celery's beat logs what a schedule raises and goes on; the refusal does not stay there."""
    app.conf.beat_schedule = {"entry": {"task": "note", "schedule": Reaches(60)}}
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(RealWorldError):
        celery.advance(HOUR)


def test_a_refusal_in_what_beat_publishes_fails_the_test(app: Celery) -> None:
    """So it is with a task that overrides apply_async, whose error beat logs as well."""

    class Sends(Task):  # type: ignore[type-arg] # only the stubs make it generic
        abstract = True

        def apply_async(self, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("sent")

    @app.task(base=Sends, name="sends", shared=False)
    def sends() -> None:
        """Never runs."""

    app.conf.beat_schedule = {"entry": {"task": "sends", "schedule": timedelta(minutes=1)}}
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(AssertionError, match="sent"):
        celery.advance(HOUR)


@pytest.mark.parametrize("name", ["worker_init", "task_received", "task_prerun", "task_success", "after_task_publish"])
def test_a_refusal_in_a_signal_handler_fails_the_test(app: Celery, name: str) -> None:
    """Celery logs what a handler raises: at a worker's start, in its work, and in the test's own publish."""

    def handler(**_kwargs: Any) -> None:
        tcp()

    signal = getattr(signals, name)

    def run() -> None:
        with VirtualCelery(app, start=NOON) as celery:
            app.tasks["note"].delay()
            celery.advance(HOUR)

    signal.connect(handler)
    try:
        with pytest.raises(RealWorldError):
            run()
    finally:
        signal.disconnect(handler)


def test_an_assertion_in_a_handler_of_the_tests_own_publish_fails_the_test(app: Celery) -> None:
    """Not only in what a worker or a beat publishes."""

    def handler(**_kwargs: Any) -> None:
        raise AssertionError("wrong")

    signals.before_task_publish.connect(handler)
    try:
        with VirtualCelery(app, start=NOON), pytest.raises(AssertionError, match="wrong"):
            app.tasks["note"].delay()
    finally:
        signals.before_task_publish.disconnect(handler)


# pytest reports the end of the thread itself, as it does with every exception of a thread.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_refusal_in_a_thread_of_a_task_fails_the_test(app: Celery) -> None:
    """A thread that a task started is guarded as the task is, and so are those that it starts."""

    @app.task(name="forks", shared=False)
    def forks() -> None:
        def inner() -> None:
            thread = threading.Thread(target=tcp)
            thread.start()
            thread.join()

        thread = threading.Thread(target=inner)
        thread.start()
        thread.join()

    with VirtualCelery(app, start=NOON, allow_threads=True) as celery:
        forks.delay()
        with pytest.raises(RealWorldError, match="socket"):
            celery.advance(HOUR)


def test_a_refusal_in_a_pool_of_a_task_fails_the_test(app: Celery) -> None:
    """Even when the pool's thread outlives the task, and nobody looks at its result."""
    go, done = threading.Event(), threading.Event()
    pool = ThreadPoolExecutor(1)

    def later() -> None:
        go.wait()
        try:
            tcp()
        finally:
            done.set()

    @app.task(name="forks", shared=False)
    def forks() -> None:
        pool.submit(later)

    def run() -> None:
        with VirtualCelery(app, start=NOON, allow_threads=True) as celery:
            forks.delay()
            celery.advance(HOUR)
            go.set()
            done.wait()
            pool.shutdown()

    with pytest.raises(RealWorldError):
        run()


def test_a_refusal_in_a_result_backend_fails_the_test(app: Celery) -> None:
    """A backend that asks a server, and Celery's handling of its errors, keep nothing from the test."""

    class Remote(KeyValueStoreBackend):
        def set(self, key: Any, value: Any) -> None:
            tcp()

        def get(self, key: Any) -> Any:
            return None

    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].backend = Remote(app=app)
        app.tasks["note"].delay()
        with pytest.raises(RealWorldError):
            celery.advance(HOUR)


def test_an_error_in_a_thread_of_the_test_stays_there(app: Celery) -> None:
    """A thread that the test started calls a task; its failed assertion is the thread's, as without the kit."""

    @app.task(name="wrong", shared=False)
    def wrong() -> None:
        raise AssertionError("wrong")

    with VirtualCelery(app, start=NOON, allow_threads=True) as celery, ThreadPoolExecutor(1) as pool:
        with pytest.raises(AssertionError, match="wrong"):
            pool.submit(wrong).result()
        celery.advance(HOUR)
