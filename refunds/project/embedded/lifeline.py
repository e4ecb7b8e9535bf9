"""`python -m refunds.project.embedded.lifeline worker|beat|web …`: an entry point that ends with its supervisor.

Standard input is the read end of a pipe whose write end only the supervisor holds. However the supervisor ends, by
SIGKILL as well, the system closes that end, and the read here returns: no signal, no process id, no polling is needed,
and it is the same on every system.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

# The line that tells the supervisor that the program serves; it does not pass it on.
READY = "refunds.project.embedded.lifeline: ready"
# Seconds to end in good order, once the supervisor has gone; its Redis went with it, so there is little left to do.
GRACE = 3.0


def main(arguments: Sequence[str]) -> None:
    """Run one program: its name, then its own arguments."""
    hold()
    name, *rest = arguments
    PROGRAMS[name](rest)


def hold(grace: float = GRACE) -> None:
    """End this process, by SIGTERM and `grace` seconds later at once, when its standard input ends.

    Nothing else may read the pipe, so standard input becomes the null device.
    """
    line = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # A daemon: the process ends without it when its work ends first.
    threading.Thread(target=_end_with, args=(line, grace), name="lifeline", daemon=True).start()


def _end_with(line: int, grace: float) -> None:
    while os.read(line, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    # The main thread is ending the process; an event that nobody sets is a wait that any exit may cut short.
    threading.Event().wait(grace)
    os._exit(1)


def say_ready(**_signal: object) -> None:
    """Tell the supervisor; also a receiver of Celery's signals."""
    # Celery has put a logger in the place of sys.stdout by then.
    print(READY, file=sys.__stdout__, flush=True)  # the supervisor reads it


def worker(arguments: list[str]) -> None:
    """`celery worker` with the arguments."""
    from celery.signals import worker_ready

    worker_ready.connect(say_ready)
    _celery(arguments)


def beat(arguments: list[str]) -> None:
    """`celery beat` with the arguments."""
    from celery.signals import beat_init

    beat_init.connect(say_ready)
    _celery(arguments)


def _celery(arguments: list[str]) -> None:
    from celery.__main__ import main as celery

    sys.argv = ["celery", *arguments]
    celery()


def web(arguments: list[str]) -> None:
    """`runserver` with the arguments."""
    # Without it SIGTERM ends the process without a word, and its exit status would look like a crash.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    import django

    django.setup()
    from django.contrib.staticfiles.management.commands.runserver import Command

    class Web(Command):
        def handle(self, *args: Any, **options: Any) -> None:
            self.logs_requests = options["verbosity"] > 1
            super().handle(*args, **options)

        def on_bind(self, server_port: int) -> None:
            # Here, because loading the application configures logging once more. A line for each request would push
            # the password off the screen; the traceback of an error has another logger.
            if not self.logs_requests:
                logging.getLogger("django.server").setLevel(logging.CRITICAL)
            say_ready()

    Web().run_from_argv(["refunds", "runserver", *arguments])


PROGRAMS: dict[str, Callable[[list[str]], None]] = {"worker": worker, "beat": beat, "web": web}

if __name__ == "__main__":
    main(sys.argv[1:])
