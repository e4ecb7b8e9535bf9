"""Run `python -m refunds COMMAND`: Django's management commands for the default project."""

import atexit
import io
import os
import signal
import sys
from contextlib import suppress

INTERRUPTED = 130  # as a shell says of SIGINT


def main() -> None:
    """Run the management command that the arguments name.

    A command that cannot use its database prints one line and ends with exit status 2.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunds.project.settings")
    if sys.argv[1:2] == ["serve"] and not {"-h", "--help"} & set(sys.argv):
        prepare_serve()
    try:
        from .project import app  # noqa: F401  # shared tasks publish to this app and no other
        from .project.utility import Utility

        Utility([f"{sys.executable} -m refunds", *sys.argv[1:]]).execute()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(INTERRUPTED)


def prepare_serve() -> None:
    """Set up the output and Ctrl-C before the imports, which take most of a second."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Paths and the lines of children can have letters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
        atexit.register(drop_unwritten, sys.stdout)
    with suppress(OSError):  # the output was closed: serve ends when it writes its next line
        print("Refunds: loading Django and Celery …", flush=True)  # noqa: T201  # no command has an output yet
    # A shell starts a background job with SIGINT ignored.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        # Python ignores a KeyboardInterrupt in the clean-up of an import. serve has handlers of its own while it runs.
        signal.signal(signal.SIGINT, end_now)


def drop_unwritten(output: io.TextIOWrapper) -> None:
    """Drop what a closed output did not take: Python would try to write it at the end, and report an error."""
    try:
        output.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())


def end_now(*_signal: object) -> None:
    """End this process at once, with one line: nothing has been started that needs an end."""
    os.write(2, b"Interrupted.\n")  # standard error; sys.stderr can be in use when a signal comes
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
