"""Run `python -m refunds.project.embedded.lifeline worker|beat|web …`, which ends with its supervisor.

Standard input is the read end of a pipe; only the supervisor holds the write end. However the supervisor ends, even by
SIGKILL, the system closes the write end, and the read here returns. This needs no signal, no process id and no polling.
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
# Seconds to shut down after the supervisor has ended. Its Redis ended with it, so there is little to finish.
GRACE = 3.0


def main(arguments: Sequence[str]) -> None:
    """Run one program with its arguments; the first argument is the program's name."""
    hold()
    name, *rest = arguments
    PROGRAMS[name](rest)


def hold(grace: float = GRACE) -> None:
    """End this process when its standard input ends: send SIGTERM, and exit `grace` seconds later.

    Standard input becomes the null device, so that nothing else reads the pipe.
    """
    line = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # A daemon thread, so that the process can end before the supervisor does.
    threading.Thread(target=_end_with, args=(line, grace), name="lifeline", daemon=True).start()


def _end_with(line: int, grace: float) -> None:
    while os.read(line, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    # Nothing sets the event. The wait ends early if the main thread ends the process.
    threading.Event().wait(grace)
    os._exit(1)


def say_ready(**_signal: object) -> None:
    """Tell the supervisor that the program is ready. It is also a receiver of Celery's signals."""
    # Celery has replaced sys.stdout with a logger.
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
    # Without this handler, the exit status after SIGTERM would look like a crash.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    import django

    django.setup()
    from django.contrib.staticfiles.management.commands.runserver import Command

    class Web(Command):
        def handle(self, *args: Any, **options: Any) -> None:
            self.logs_requests = options["verbosity"] > 1
            super().handle(*args, **options)

        def on_bind(self, server_port: int) -> None:
            # A line for each request would scroll the password off the screen. Tracebacks have another logger. Set the
            # level here, because loading the application configures logging again.
            if not self.logs_requests:
                logging.getLogger("django.server").setLevel(logging.CRITICAL)
            say_ready()

    Web().run_from_argv(["refunds", "runserver", *arguments])


PROGRAMS: dict[str, Callable[[list[str]], None]] = {"worker": worker, "beat": beat, "web": web}

if __name__ == "__main__":
    main(sys.argv[1:])
