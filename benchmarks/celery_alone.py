"""Celery's own worker and beat, started and stopped without a cluster: no cluster's start can take less.

Without logging, processes, OS signals, event loop, and a schedule file on a disk. Each has an app as new as that of a
process of its own.
"""

import threading
from typing import Any

from celery import Celery
from celery.app import trace
from celery.beat import PersistentScheduler, Service
from celery.concurrency.solo import TaskPool
from celery.worker.consumer import Consumer
from celery.worker.worker import WorkController


class OnceThrough(Consumer):
    """Starts all that a consumer starts, and returns."""

    def start(self) -> None:
        """Start without a loop around it."""
        self.blueprint.start(self)

    def loop(self, *_args: Any) -> None:
        """Wait for nothing."""


class Shelf(dict[str, Any]):
    """Stands for a schedule file, and for the module `shelve`."""

    def open(self, *_args: Any, **_options: Any) -> Any:
        """A file that is empty."""
        return Shelf()

    def sync(self) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Write nothing."""


class Scheduler(PersistentScheduler):
    """Celery's, without a file."""

    persistence: Any = Shelf()


def start_and_stop(app: Celery) -> None:
    """Start and stop a worker and a beat of an app whose broker is kombu's memory transport."""
    settings = {"use_eventloop": False, "without_mingle": True, "without_gossip": True, "without_heartbeat": True}
    _forget_process(app)
    worker: Any = WorkController(
        app=app, hostname="alone@host", pool_cls=TaskPool, concurrency=1, consumer_cls=OnceThrough, **settings
    )
    worker.blueprint.start(worker)
    _forget_process(app)
    beat: Any = Service(app, scheduler_cls=Scheduler)
    scheduler = beat.scheduler
    worker.blueprint.stop(worker, terminate=True)
    scheduler.close()
    reset: Any = trace
    reset.reset_worker_optimizations(app)


def _forget_process(app: Any) -> None:
    vars(app).pop("amqp", None)
    app._local, app._backend_cache = threading.local(), None
