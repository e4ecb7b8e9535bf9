"""Run `python -m refunds COMMAND`: Django's management commands for the default project."""

import os
import sys


def main() -> None:
    """Run the management command that the arguments name.

    A command that cannot use its database prints one line and ends with exit status 2.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunds.project.settings")
    if sys.argv[1:2] == ["serve"] and not {"-h", "--help"} & set(sys.argv):
        # Before the imports, which take most of a second.
        print("Refunds: loading Django and Celery …", flush=True)  # noqa: T201  # no command has an output yet
    try:
        from .project import app  # noqa: F401  # shared tasks publish to this app and no other
        from .project.utility import Utility

        Utility([f"{sys.executable} -m refunds", *sys.argv[1:]]).execute()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)  # as a shell says of SIGINT


if __name__ == "__main__":
    main()
