"""Celery's own test worker is a thread in real time: a cluster and it refuse each other by name."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from celery.app.log import Logging
from celery.contrib.testing.worker import start_worker
from celery_rehearsal import BadUseError, VirtualCelery

from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery


@pytest.fixture(autouse=True)
def _logging_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Celery's helper from setting up the logging of the whole process, which nobody would set back."""
    monkeypatch.setattr(Logging, "setup", lambda *_args, **_options: None)


def start(app: Celery) -> Any:
    """Celery's test worker on kombu's memory transport, without the task that it answers pings by."""
    return start_worker(app, perform_ping_check=False, shutdown_timeout=30.0)


@pytest.fixture
def embedded() -> Celery:
    """An app whose broker is in memory, as that of the fixture `celery_app` is."""
    return make_app(broker_url="memory://", result_backend="cache+memory://", broker_connection_retry_on_startup=False)


def test_cluster_refuses_to_start_while_a_test_worker_runs(app: Celery, embedded: Celery) -> None:
    """The error names the fixture, and the worker still stops as if no cluster had been asked for."""
    with (
        start(embedded),
        pytest.raises(BadUseError, match="celery_worker"),
        VirtualCelery(app, start=NOON),
    ):
        pass


@pytest.mark.parametrize("own", [True, False])
def test_test_worker_refuses_to_start_inside_a_cluster(app: Celery, embedded: Celery, own: bool) -> None:
    """It makes no difference whether the app is the cluster's, and threads that are allowed are no way round."""
    with (
        VirtualCelery(app, start=NOON, allow_threads=True),
        pytest.raises(BadUseError, match="celery_worker"),
        start(app if own else embedded),
    ):
        pass


def test_worker_in_a_thread_of_its_own_is_refused(app: Celery) -> None:
    """A suite that starts a worker's thread without Celery's helper is told the same."""
    with VirtualCelery(app, start=NOON, allow_threads=True):
        worker = app.Worker(pool="solo")
        with pytest.raises(BadUseError, match="celery_worker"):
            threading.Thread(target=worker.start, daemon=True).start()


def test_cluster_runs_after_a_test_worker_has_stopped(app: Celery, embedded: Celery) -> None:
    """Both kinds of test live in one suite."""
    with start(embedded):
        pass
    with VirtualCelery(app, start=NOON) as celery:
        app.send_task("note")
        celery.run_until_idle()
        celery.assert_ran("note", times=1)
