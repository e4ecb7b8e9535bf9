"""Run `python -m refunds COMMAND`: Django's management commands for the default project."""

import os
import signal
import sys

INTERRUPTED = 130  # as a shell says of SIGINT


def main() -> None:
    """Run the management command that the arguments name.

    A command that cannot use its database prints one line and ends with exit status 2.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunds.project.settings")
    if sys.argv[1:2] == ["serve"] and not {"-h", "--help"} & set(sys.argv):
        # Before the imports, which take most of a second.
        print("Refunds: loading Django and Celery …", flush=True)  # noqa: T201  # no command has an output yet
        # Python ignores a KeyboardInterrupt in the clean-up of an import. serve has handlers of its own while it runs.
        signal.signal(signal.SIGINT, end_now)
    try:
        from .project import app  # noqa: F401  # shared tasks publish to this app and no other
        from .project.utility import Utility

        Utility([f"{sys.executable} -m refunds", *sys.argv[1:]]).execute()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(INTERRUPTED)


def end_now(*_signal: object) -> None:
    """End this process at once, with one line: nothing has been started that needs an end."""
    os.write(2, b"Interrupted.\n")  # standard error; sys.stderr can be in use when a signal comes
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
