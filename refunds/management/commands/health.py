"""Exit with status 0 if nothing is overdue. Otherwise print one line per overdue item, and exit with status 1."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import override

from ... import queries
from ...operations import health
from ..tables import require_tables


class Command(BaseCommand):
    """Reports what is overdue, for a monitor: reads rows, changes nothing, needs no broker."""

    help = "Report a missed cutoff, stalled sweeps, unpaid refunds, and more. Exit status 1 if anything is overdue."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per overdue item."""
        require_tables()
        # Use the database's clock if it has one: the result must not depend on the host that runs this command.
        with override("en"):  # a monitor matches its words, whatever LANGUAGE_CODE is
            overdue = health.health(queries.database_clock() or timezone.now())
        for line in overdue:
            self.stderr.write(line)
        if overdue:
            sys.exit(1)
        self.stdout.write("All is well.")
