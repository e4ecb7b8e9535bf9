"""An app that listens to every signal of Celery's programs.

`python -m kit.program_signals redis://... worker --pool=solo` is a real program that prints a JSON line per signal.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from celery import Celery, signals

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = (
    "user_preload_options",
    "import_modules",
    "celeryd_init",
    "worker_init",
    "setup_logging",
    "after_setup_logger",
    "after_setup_task_logger",
    "celeryd_after_setup",
    "worker_before_create_process",
    "worker_process_init",
    "heartbeat_sent",
    "worker_ready",
    "worker_shutting_down",
    "worker_process_shutdown",
    "worker_shutdown",
    "beat_init",
    "beat_embedded_init",
)

# What the children of a pool send, and what is sent for them.
OF_CHILDREN = ("worker_before_create_process", "worker_process_init", "worker_process_shutdown")

TASK = "tell"


def make_app(broker: str, tell: Callable[[list[Any]], None], names: tuple[str, ...]) -> Celery:
    """An app with a task and a handler of each signal that tell what they get."""
    app = Celery("programs", broker=broker, set_as_current=False, fixups=[])
    app.conf.broker_connection_retry_on_startup = True
    app.conf.worker_redirect_stdouts = False
    app.conf.task_ignore_result = True
    main = os.getpid()

    @app.task(name=TASK, bind=True, shared=False)
    def task(self: Any) -> None:
        tell([TASK, self.request.hostname])

    def listen(name: str) -> Callable[..., None]:
        def handler(sender: Any = None, signal: Any = None, **arguments: Any) -> None:
            if name == "import_modules" and sender is not app:
                return
            process = "main" if os.getpid() == main else "child"
            tell([name, process, shown(sender), {key: shown(value) for key, value in sorted(arguments.items())}])

        return handler

    for name in names:
        getattr(signals, name).connect(listen(name), weak=False)
    return app


def shown(value: Any) -> Any:
    """A value as JSON; of another process' object, its class is what can be compared."""
    if isinstance(value, dict):
        # The pool is the kit's own class, and its concurrency the host's number of processors.
        return sorted(value)
    return value if isinstance(value, str | int | float | None) else type(value).__name__


def main(broker: str, *arguments: str) -> None:
    """Run a real program."""

    def tell(line: list[Any]) -> None:
        # Children write to the same pipe.
        os.write(1, (json.dumps(line) + "\n").encode())

    names = tuple(name for name in NAMES if name != "setup_logging" or os.environ.get("SETUP_LOGGING"))
    make_app(broker, tell, names).start(["--quiet", *arguments])


if __name__ == "__main__":
    main(*sys.argv[1:])
