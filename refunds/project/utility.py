"""Check the database before each management command."""

import sys
from collections.abc import Sequence

from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand
from django.db.utils import Error

from . import database
from .environment import BadDatabaseUrl

# With --traceback, an error of the database shows its traceback. --help needs no database.
TRACEBACK = "--traceback"
HELP = {"-h", "--help"}


class Utility(ManagementUtility):
    """Ends a command that cannot use its database with one line and `database.EXIT_STATUS`."""

    def __init__(self, argv: Sequence[str]) -> None:
        super().__init__(list(argv))

    def execute(self) -> None:
        """Run the command. If the database fails during it, print one line with the error's notes, and end."""
        try:
            super().execute()
        except BadDatabaseUrl as error:
            _end(str(error))
        except Error as error:
            line = database.explained(error)
            if not line or TRACEBACK in self.argv:
                raise
            _end(". ".join([line, *getattr(error, "__notes__", [])]))

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return the command. Check the database first, unless only the command's help is wanted."""
        command = super().fetch_command(subcommand)
        if self.argv[1:2] == [subcommand] and not HELP & set(self.argv):
            line = database.fault(subcommand)
            if line:
                _end(line)
        return command


def _end(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.exit(database.EXIT_STATUS)
