"""An app that configures logging at import and again in a handler of `setup_logging`, as Django projects do.

`python -m kit.logging_program real` is a real worker, and `virtual` one of the kit. Each runs a task that logs.
"""

from __future__ import annotations

import logging.config
import sys
from typing import Any

from celery import Celery, signals
from celery.worker import state
from celery_rehearsal import VirtualCelery

from .conftest import NOON

CONFIG = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"celery.task": {"handlers": ["console"], "propagate": False}},
    "root": {"handlers": ["console"]},
}

logging.config.dictConfig(CONFIG)

app = Celery("logs", broker="memory://", set_as_current=False, fixups=[])
app.conf.update(task_ignore_result=True, worker_redirect_stdouts=False)


@app.task(name="talk", shared=False)
def talk() -> None:
    for name in ("shop", "celery.task"):
        logging.getLogger(name).warning("talked")


@app.task(name="end", shared=False)
def end() -> None:
    vars(state)["should_stop"] = 0


def configure(**_arguments: Any) -> None:
    logging.config.dictConfig(CONFIG)


def send(**_arguments: Any) -> None:
    talk.delay()
    end.delay()


def main() -> None:
    """Run the worker that the argument names."""
    signals.setup_logging.connect(configure)
    if sys.argv[1] == "virtual":
        with VirtualCelery(app, start=NOON, transport="memory", workers=["first", "second"]) as celery:
            talk.delay()
            celery.run_until_idle()
        return
    signals.worker_ready.connect(send)
    app.worker_main(["worker", "--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat"])


if __name__ == "__main__":
    main()
