"""The lanes of the lesson: a real worker on a Redis in this process, and the same app in virtual time."""

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import pytest
import redis
from celery import _state, signals
from celery.contrib.testing.worker import start_worker
from celery.result import AsyncResult

from refunds.embedded.redis_server import RedisServer
from tests.lesson.app import app

# Seconds that a test waits for a result: far more than any takes, so that only a hang fails.
LONG = 60


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """The broker and result backend of the real worker."""
    with RedisServer() as server:
        yield server


# Not longer than a module: it would run on beside virtual time, on the same app.
@pytest.fixture(scope="module")
def _worker(redis_server: RedisServer) -> Iterator[None]:
    """One real worker for the tests of a module."""
    with running_worker(redis_server):
        yield


@contextmanager
def running_worker(redis_server: RedisServer) -> Iterator[None]:
    """A real worker while it is entered: a consumer, a solo pool, a thread. Nothing is left of it afterwards."""
    queues = ["celery", "multiplication"]
    with ExitStack() as undo:
        lesson: Any = app
        settings = dict(lesson.conf.changes)
        undo.callback(lesson.conf.changes.update, settings)
        state: Any = _state
        current = state._tls.current_app
        undo.callback(state.set_default_app, state.default_app)
        # Starting a worker leaves its log level in the environment …
        environment = os.environ.copy()
        undo.callback(lambda: [os.environ.pop(name) for name in os.environ.keys() - environment.keys()])
        _forget_backend()
        app.conf.update(broker_url=redis_server.url(0), result_backend=redis_server.url(1))
        undo.callback(_forget_connections)
        # A worker that starts has every Django app of the process close its connections around tasks, for good.
        undo.enter_context(mock.patch.object(signals.worker_init, "receivers", []))
        with start_worker(app, pool="solo", queues=queues, perform_ping_check=False, shutdown_timeout=LONG):
            # … and makes its app that of all threads: the worker's own must keep it, this one not.
            state._set_current_app(current)
            yield
            _forget_results()


def _living(kind: type[Any]) -> list[Any]:
    # By type(): isinstance() asks a lazy object for its class, and so wakes it.
    return [known for known in gc.get_objects() if issubclass(type(known), kind)]


def _forget_results() -> None:
    # A result unsubscribes when it is freed: now, and one that somebody still holds (an exception's traceback, say)
    # never, for its server will be gone.
    gc.collect()
    for result in _living(AsyncResult):
        result.backend = None


def _forget_connections() -> None:
    lesson: Any = app
    lesson.backend.result_consumer.stop()
    # kombu keeps pools in pools and drops some of them open; what Redis connections there are, only these know.
    for pool in _living(redis.ConnectionPool):
        pool.disconnect()
    lesson.amqp.producer_pool.force_close_all()
    lesson.pool.force_close_all()
    lesson.close()
    _forget_backend()


def _forget_backend() -> None:
    lesson: Any = app
    vars(lesson._local).pop("backend", None)
    lesson._backend_cache = None
    # Pools for the broker before, which a change of settings does not touch.
    lesson._pool = lesson.amqp._producer_pool = None


@pytest.fixture
def worker(_worker: None, redis_server: RedisServer) -> Iterator[RedisServer]:
    """A running worker; its Redis."""
    with warnings.catch_warnings():
        # Celery 5.7 stores results by a call that redis-py 8.1 warns of; as an error it would end the worker.
        warnings.filterwarnings("ignore", "Call to deprecated setex", DeprecationWarning)
        yield redis_server
