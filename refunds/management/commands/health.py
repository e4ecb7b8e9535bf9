"""`health`: exit status 0 when all is well, 1 with a line for each thing that is overdue or out of step."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from ... import queries
from ...operations import clocks, reconcile
from ..tables import require_tables


class Command(BaseCommand):
    """For a monitor to run: reads rows, changes nothing, needs no broker."""

    help = (
        "Report clocks that differ, a missed 18:00, a stalled sweep, unpaid refunds, untold customers, and a schedule "
        "in the database that is not the declared one. Exit status 1 if there are any."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each."""
        require_tables()
        # By the database's clock, where it has one: what is overdue does not depend on where this runs.
        now = queries.database_clock() or timezone.now()
        overdue = [*clocks.health(timezone.now), *reconcile.health(now)]
        for line in overdue:
            self.stderr.write(line)
        if overdue:
            sys.exit(1)
        self.stdout.write("All is well.")
