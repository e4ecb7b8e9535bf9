"""`python -m refunds COMMAND`: Django's management entry for the default project."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run the management command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunds.settings")
    import celery_app  # noqa: F401  # shared tasks publish to this app and no other

    execute_from_command_line([f"{sys.executable} -m refunds", *sys.argv[1:]])


if __name__ == "__main__":
    main()
