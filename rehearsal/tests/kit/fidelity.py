"""One scenario, two times: under the kit, and by a real worker process in real seconds.

`python -m kit.fidelity redis://...` is the real worker: it publishes the scenario when it is ready, prints a
JSON line per record, and shuts itself down after the last one.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from celery import Celery, signals
from celery.worker import state
from celery_rehearsal import Record, Timeline, VirtualCelery
from celery_rehearsal.watch import Watch

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Task

# What both can tell: the kit also records what only it can see, as rate limits while they hold.
KINDS = {"received", "scheduled", "started", "succeeded", "failed", "retried", "expired"}

# Seconds. Far enough apart that a busy machine does not change the order.
STEP = 0.7


def make_app(broker: str) -> Celery:
    """The scenario's app: Redis and its defaults."""
    app = Celery("fidelity", broker=broker, backend=broker, set_as_current=False, fixups=[])
    app.conf.update(
        task_ignore_result=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=False,
        timezone="Europe/Kyiv",
    )

    @app.task(name="note", shared=False)
    def note(value: Any = None) -> Any:
        return value

    @app.task(name="late", acks_late=True, shared=False)
    def late() -> None:
        pass

    # Its second message starts after 5 s: two steps after what goes before, and two before the end.
    @app.task(name="limited", rate_limit="12/m", shared=False)
    def limited() -> None:
        pass

    @app.task(name="flaky", bind=True, max_retries=2, shared=False)
    def flaky(self: Task[Any, Any]) -> None:
        if self.request.retries < 2:
            raise self.retry(countdown=2 * STEP)

    @app.task(name="hopeless", bind=True, max_retries=1, acks_late=True, shared=False)
    def hopeless(self: Task[Any, Any]) -> None:
        raise self.retry(exc=ValueError(), countdown=STEP / 2)

    @app.task(name="end", shared=False)
    def end() -> None:
        pass

    return app


def publish(app: Celery) -> None:
    """Send the scenario: retry, countdown, expiry, link, rate limit, late acks."""
    tasks = app.tasks
    tasks["flaky"].delay()
    tasks["note"].apply_async((1,), countdown=3 * STEP, link=tasks["late"].si())
    tasks["note"].apply_async((2,), countdown=5 * STEP, expires=2 * STEP)
    tasks["hopeless"].delay()
    tasks["late"].delay()
    for _ in range(2):
        tasks["limited"].delay()
    tasks["end"].apply_async(countdown=9 * STEP)


def virtual() -> list[list[Any]]:
    """The scenario under the kit."""
    app = make_app("redis://broker.invalid/0")
    with VirtualCelery(app, start=NOON, transport="fakeredis", beats=0) as celery:
        publish(app)
        celery.advance(timedelta(seconds=15 * STEP))
        return [line(record) for record in celery.timeline if record.kind in KINDS]


def line(record: Record) -> list[Any]:
    """What of a record is the same in both times."""
    return [record.kind, record.task, record.attempt]


class Printing(Timeline):
    """A timeline that goes to stdout as it happens, and ends the worker after the last record."""

    def add(self, record: Record) -> None:
        super().add(record)
        if record.kind in KINDS:
            sys.stdout.write(json.dumps(line(record)) + "\n")
            sys.stdout.flush()
        if (record.kind, record.task) == ("succeeded", "end"):
            vars(state)["should_stop"] = 0


def main(broker: str) -> None:
    """Run the real worker, solo pool, until the scenario ends."""
    from contextlib import ExitStack

    app = make_app(broker)
    watch = Watch([app], Printing(app.timezone), lambda: datetime.now(timezone.utc))
    signals.worker_ready.connect(lambda **_: publish(app), weak=False)
    with ExitStack() as undo:
        watch.connect(undo)
        flags = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        app.worker_main(["worker", "--pool=solo", "--loglevel=ERROR", *flags])


if __name__ == "__main__":
    main(sys.argv[1])
