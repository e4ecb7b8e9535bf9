"""The lanes of the lesson: a real worker on a Redis in this process, and the same app in virtual time."""

import warnings
from collections.abc import Iterator

import pytest
from celery import signals

from lesson.worker import Lane, running_worker
from refunds.project.embedded.redis_server import RedisServer


@pytest.fixture(autouse=True)
def _no_handlers_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of the lesson's worker has not imported the refunds, whose handler sends their reconciler."""
    for signal in (signals.celeryd_init, signals.worker_ready):
        monkeypatch.setattr(signal, "receivers", [])


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """The broker and result backend of the real worker."""
    with RedisServer() as server:
        yield server


# Not longer than a module: it would run on beside virtual time, on the same app.
@pytest.fixture(scope="module")
def _worker(redis_server: RedisServer) -> Iterator[Lane]:
    """One real worker for the tests of a module."""
    lane = Lane(redis_server.url(0), redis_server.url(1))
    with running_worker(lane):
        yield lane


@pytest.fixture
def worker(_worker: Lane) -> Iterator[Lane]:
    """A running worker; where its messages and results are."""
    with warnings.catch_warnings():
        # Celery 5.7 stores results by a call that redis-py 8.1 warns of; as an error it would end the worker.
        warnings.filterwarnings("ignore", "Call to deprecated setex", DeprecationWarning)
        yield _worker
