"""Celery's worker controller as a cluster wants it: no event loop, no gossip, a timer that the clock drives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import signals
from celery.worker.consumer import Consumer
from kombu.utils.imports import symbol_by_name

from .consumer import consumer_class
from .program import make_program
from .timer import Timer

if TYPE_CHECKING:
    from celery import Celery

    from .process import Processes
    from .watch import Watch


class Slots:
    """Mixed into Celery's worker. Requests wait for a free child, as where Celery's event loop drives the pool."""

    app: Celery
    pool: Any

    def _process_task(self, req: Any) -> None:
        process: Any = super()._process_task  # type: ignore[misc] # Celery's class comes after this one
        if self.pool.uses_semaphore and self.app.conf.worker_pool_putlocks:
            self.pool.semaphore.acquire(process, req)
        else:
            process(req)

    def _quick_release(self) -> None:
        if self.pool.uses_semaphore:
            self.pool.semaphore.release()


def make_controller(
    app: Celery, name: str, queues: list[str], watch: Watch, processes: Processes, **options: Any
) -> Any:
    """A worker's controller, not started yet, with the kit's consumer, timer and slots."""
    base = symbol_by_name(app.conf.worker_consumer) if app.conf.worker_consumer else Consumer
    return make_program(
        app,
        name,
        processes,
        Slots,
        **options,
        use_eventloop=False,
        timer_cls=Timer,
        consumer_cls=consumer_class(base, watch),
        queues=processes.queue_names(queues),
        # Nothing but the signal tells of a heartbeat here.
        without_heartbeat=not signals.heartbeat_sent.receivers,
        without_mingle=True,
        without_gossip=True,
        # Else Celery would read and write the file that the app names.
        statedb="",
    )
