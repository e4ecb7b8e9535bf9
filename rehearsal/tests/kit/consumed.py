"""One scenario of queues, under the kit and by a real worker process: what runs, and what is left where.

`python -m kit.consumed redis://... [queues]` is the real worker, started without `-Q` or with it. It publishes the
scenario when it is ready, and prints a JSON list of what it started and what the broker holds when it stops.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from celery import Celery, signals
from celery.worker import state
from celery_rehearsal import VirtualCelery
from kombu import Exchange, Producer
from redis import Redis

from .conftest import NOON

# Queues that a message can be left in.
QUEUES = ("celery", "mail", "other")


def route(name: str, *_args: Any, **_kwargs: Any) -> Any:
    """A function as a router."""
    return {"queue": "other"} if name == "by_function" else None


def make_app(broker: str) -> Celery:
    """Routes by name, by expression and by function; no task_queues."""
    app = Celery("consumed", broker=broker, set_as_current=False, fixups=[])
    app.conf.update(
        task_routes=({"by_name": {"queue": "mail"}, re.compile(r"by_exp.*"): {"queue": "mail"}}, route),
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=False,
        worker_prefetch_multiplier=1,
    )
    for name in ("by_name", "by_expression", "by_function", "plain", "end"):
        app.task(name=name, shared=False)(_nothing)
    return app


def _nothing() -> None:
    """A task that does nothing."""


def publish(app: Celery) -> None:
    """Send to each kind of router, to an exchange without a queue, and what no worker can run."""
    for name in ("by_name", "by_expression", "by_function", "plain"):
        app.tasks[name].delay()
    app.tasks["plain"].apply_async(exchange=Exchange("news", type="topic"), routing_key="a.b")
    app.send_task("unknown", queue="celery")
    with app.connection_for_write() as connection:
        Producer(connection).publish({"no": "task"}, routing_key="celery")
    app.tasks["end"].apply_async(queue="celery")


def virtual(queues: list[str] | None) -> list[Any]:
    """The scenario under the kit."""
    app = make_app("redis://broker.invalid/0")
    workers: Any = {"worker": queues} if queues else 1
    with VirtualCelery(app, start=NOON, transport="fakeredis", workers=workers, beats=0) as celery:
        publish(app)
        celery.advance(minutes=1)
        left = [message.queue for message in celery.pending().queued]
        started = [record.task for record in celery.timeline.of("started")]
    return [started, {queue: left.count(queue) for queue in QUEUES}]


def main(broker: str, queues: str = "") -> None:
    """Run the real worker, solo pool, until it has run the last task."""
    app = make_app(broker)
    started: list[str] = []
    signals.worker_ready.connect(lambda **_: publish(app), weak=False)
    signals.task_prerun.connect(lambda task, **_: started.append(task.name), weak=False)

    def stop(sender: Any, **_kwargs: Any) -> None:
        if sender.name == "end":
            vars(state)["should_stop"] = 0

    signals.task_success.connect(stop, weak=False)
    flags = ["--without-gossip", "--without-mingle", "--without-heartbeat", *(["-Q", queues] if queues else [])]
    try:
        app.worker_main(["worker", "--pool=solo", "--loglevel=CRITICAL", *flags])
    finally:
        client = Redis.from_url(broker)
        sys.stdout.write(json.dumps([started, {queue: client.llen(queue) for queue in QUEUES}]) + "\n")
        client.delete(*QUEUES)


if __name__ == "__main__":
    main(*sys.argv[1:])
