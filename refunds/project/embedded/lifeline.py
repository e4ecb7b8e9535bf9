"""`python -m refunds.project.embedded.lifeline worker|beat|web …`: an entry point that ends with its supervisor.

Standard input is the read end of a pipe whose write end only the supervisor holds. However the supervisor ends, also
by SIGKILL, the system closes that end, and the read here returns. That needs no signal, no process id and no polling.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

# The line that tells the supervisor that the program is ready. The supervisor does not print it.
READY = "refunds.project.embedded.lifeline: ready"
# Seconds to end in good order after the supervisor. Its Redis ended with it, so there is little left to do.
GRACE = 3.0


def main(arguments: Sequence[str]) -> None:
    """Run one program, by its name and its arguments."""
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
    # A daemon, so that the process can end before the supervisor does.
    threading.Thread(target=_end_with, args=(line, grace), name="lifeline", daemon=True).start()


def _end_with(line: int, grace: float) -> None:
    while os.read(line, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    # The main thread is ending the process, which cuts this wait short: nobody sets the event.
    threading.Event().wait(grace)
    os._exit(1)


def say_ready(**_signal: object) -> None:
    """Tell the supervisor that the program is ready. It is also a receiver of Celery's signals."""
    # Celery has replaced sys.stdout by a logger.
    print(READY, file=sys.__stdout__, flush=True)  # the supervisor reads it


def worker(arguments: list[str]) -> None:
    """Run `celery worker` with the arguments."""
    from celery.signals import worker_ready

    worker_ready.connect(say_ready)
    _celery(arguments)


def beat(arguments: list[str]) -> None:
    """Run `celery beat` with the arguments."""
    from celery.signals import beat_init

    beat_init.connect(say_ready)
    _celery(arguments)


def _celery(arguments: list[str]) -> None:
    from celery.__main__ import main as celery

    sys.argv = ["celery", *arguments]
    celery()


def web(arguments: list[str]) -> None:
    """Run `runserver` with the arguments."""
    # Without it, the exit status after SIGTERM would look like a crash.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    import django

    django.setup()
    from django.contrib.staticfiles.management.commands.runserver import Command

    class Web(Command):
        def handle(self, *args: Any, **options: Any) -> None:
            self.logs_requests = options["verbosity"] > 1
            super().handle(*args, **options)

        def on_bind(self, server_port: int) -> None:
            # Here, because loading the application configures logging again. A line for each request would push the
            # password off the screen. Tracebacks of errors have another logger.
            if not self.logs_requests:
                logging.getLogger("django.server").setLevel(logging.CRITICAL)
            say_ready()

    Web().run_from_argv(["refunds", "runserver", *arguments])


PROGRAMS: dict[str, Callable[[list[str]], None]] = {"worker": worker, "beat": beat, "web": web}

if __name__ == "__main__":
    main(sys.argv[1:])
