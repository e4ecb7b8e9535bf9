"""The app of Celery's documentation on broadcast.

`python -m kit.broadcast amqp://... NAME` is a real worker of it that prints its name when it is ready and at each run.
"""

from __future__ import annotations

import sys
from typing import Any

from celery import Celery, signals
from kombu import Queue
from kombu.common import Broadcast

TASK = "reload"


def make_app(broker: str, **settings: Any) -> Celery:
    """An app whose task goes to every worker, and a task on the default queue."""
    app = Celery("broadcast", broker=broker, set_as_current=False, fixups=[])
    # Names of this test alone: a server can have other users.
    app.conf.task_queues = (Broadcast("rehearsal_broadcast"), Queue("rehearsal_default"))
    app.conf.task_default_queue = "rehearsal_default"
    app.conf.task_routes = {TASK: {"queue": "rehearsal_broadcast", "exchange": "rehearsal_broadcast"}}
    app.conf.update(task_ignore_result=True, worker_redirect_stdouts=False, worker_hijack_root_logger=False)
    app.conf.update(broker_connection_retry_on_startup=False, **settings)

    @app.task(name=TASK, shared=False)
    def reload() -> None:
        tell("ran")

    return app


def tell(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main(broker: str, name: str) -> None:
    """Run a real worker until SIGTERM."""
    app = make_app(broker)
    signals.worker_ready.connect(lambda **_arguments: tell("ready"), weak=False)
    flags = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["--quiet", "worker", "--pool=solo", "--loglevel=ERROR", "-n", name, *flags])


if __name__ == "__main__":
    main(*sys.argv[1:])
