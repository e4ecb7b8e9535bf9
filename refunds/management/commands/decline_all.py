"""`decline_all`: what beat does at the cut-off, from a shell."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from ...domain import cutoff
from ...operations import sweeps
from .. import taking
from ..clock import trusted_now


class Command(BaseCommand):
    """Starts the decline sweep of the latest cut-off, unless it has been started."""

    help = "Decline what was pending at the last 18:00 in Kyiv, as beat does. Needs a broker and a worker."

    def add_arguments(self, parser: CommandParser) -> None:
        """How long to wait for a worker."""
        taking.add_wait(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Start the sweep, or say that it has been started, and say whether a worker has taken it."""
        sweep, created = sweeps.decline_pending(trusted_now())
        line = timezone.localtime(sweep.scheduled_for, cutoff.ZONE)
        verb = "is to decline what was pending" if created else "has already been started for what was pending"
        self.stdout.write(f"Sweep {sweep.pk} {verb} at {line:%Y-%m-%d %H:%M %Z}.")
        self.stdout.write(taking.line(sweep, options["wait"]))
