"""A real worker of the lesson's app, in a thread of this process, on whatever broker and result backend."""

import gc
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypedDict
from unittest import mock

import redis
from celery import _state, signals
from celery.contrib.testing.worker import start_worker
from celery.result import AsyncResult
from kombu import pools

from lesson.app import app

# Seconds that a test waits for a result: far more than any takes, so that only a hang fails.
LONG = 60


class _Wait(TypedDict):
    timeout: float
    interval: float


# How to wait for a result: a backend that does not tell, such as a database, is asked again after `interval` seconds,
# which Celery sets to half a second.
WAIT: _Wait = {"timeout": LONG, "interval": 0.01}


@dataclass(frozen=True)
class Lane:
    """Where the worker's messages and results go, and what else Celery is told for that."""

    broker_url: str
    result_backend: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def running_worker(lane: Lane) -> Iterator[None]:
    """A real worker while it is entered: a consumer, a solo pool, a thread. Nothing is left of it afterwards."""
    queues = ["celery", "multiplication"]
    with ExitStack() as undo:
        undo.enter_context(settings_of(lane))
        state: Any = _state
        current = state._tls.current_app
        undo.callback(state.set_default_app, state.default_app)
        # Starting a worker leaves its log level behind, in the root of all logging …
        root = logging.getLogger()
        undo.callback(root.setLevel, root.level)
        # … and in the environment …
        environment = os.environ.copy()
        undo.callback(lambda: [os.environ.pop(name) for name in os.environ.keys() - environment.keys()])
        undo.callback(_forget_connections)
        # A worker that starts has every Django app of the process close its connections around tasks, for good, and up
        # to Celery 5.5 set Django up again, and all logging.
        for signal in (signals.worker_init, signals.import_modules):
            undo.enter_context(mock.patch.object(signal, "receivers", []))
        with start_worker(app, pool="solo", queues=queues, perform_ping_check=False, shutdown_timeout=LONG):
            # … and makes its app that of all threads: the worker's own must keep it, this one not.
            state._set_current_app(current)
            yield
            _forget_results()
            # It looks whether to end when something comes, or after ten seconds.
            app.control.shutdown()


@contextmanager
def settings_of(lane: Lane) -> Iterator[None]:
    """The app with the settings of the lane while it is entered."""
    lesson: Any = app
    # Settings that nobody has read yet are no dict that could be put back.
    lesson.conf.get("broker_url")
    with mock.patch.dict(lesson.conf.changes):
        _forget_places()
        app.conf.update(lane.settings, broker_url=lane.broker_url, result_backend=lane.result_backend)
        yield
    _forget_places()


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
    if consumer := getattr(lesson.backend, "result_consumer", None):
        consumer.stop()
    # kombu keeps pools in pools and drops some of them open; what Redis connections there are, only these know.
    for pool in _living(redis.ConnectionPool):
        pool.disconnect()
    lesson.amqp.producer_pool.force_close_all()
    lesson.pool.force_close_all()
    lesson.close()
    # The next user of the same broker would get the closed ones.
    for group in (pools.producers, pools.connections):
        del group[lesson.connection_for_write()]


def _forget_places() -> None:
    """What the app keeps of a broker and a backend, which a change of settings does not touch."""
    lesson: Any = app
    vars(lesson._local).pop("backend", None)
    lesson._backend_cache = lesson._pool = None
    # Queues, routes, pools of producers.
    for name in ("amqp", "control"):
        vars(lesson).pop(name, None)
