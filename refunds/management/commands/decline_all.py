"""Start the decline sweep from a shell, as beat does at the cutoff."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser, no_translations

from ...domain import cutoff
from ...operations import local, sweeps
from .. import taking
from ..clock import trusted_now


class Command(BaseCommand):
    """Starts the decline sweep of the latest cutoff, unless it has been started."""

    help = f"Decline what was pending at the last cutoff, {cutoff.LABEL}, as beat does. Needs a broker and a worker."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --wait."""
        taking.add_wait(parser)

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        """Start the sweep, or print that it has been started, and whether a worker has taken it."""
        sweep, created = sweeps.decline_pending(trusted_now())
        done = "declines what was pending" if created else "has already been started for what was pending"
        self.stdout.write(f"Sweep {sweep.pk} {done} at {local(sweep.scheduled_for)}.")
        self.stdout.write(taking.line(sweep, options["wait"]))
