"""`approve_all`: what the admin's button does, from a shell."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from ...domain import cutoff
from ...domain.money import to_major
from ...operations import preview, sweeps
from .. import taking
from ..clock import trusted_now


class Command(BaseCommand):
    """Starts an approve sweep over all that is pending now; the workers do the rest."""

    help = "Approve all pending return requests, as the admin's button does. Needs a broker and a worker."

    def add_arguments(self, parser: CommandParser) -> None:
        """How long to wait for a worker."""
        taking.add_wait(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Start the sweep, and say what it covers and whether a worker has taken it."""
        now = trusted_now()
        shown = preview.preview(now)
        if shown.owed_decline:
            self.stdout.write(f"{shown.owed_decline:,} were received before the last cut-off: they are to be declined.")
        if not shown.count:
            self.stdout.write("Nothing can be approved; nothing was started.")
            return
        sweep, _ = sweeps.start_approve(key=uuid.uuid4().hex, frozen=shown.frozen, by=None, now=now)
        for currency, count, total in shown.totals:
            self.stdout.write(f"{count:,} pending, {to_major(total, currency):,} {currency}")
        expires = timezone.localtime(shown.expires_at, cutoff.ZONE)
        self.stdout.write(f"Sweep {sweep.pk} is to approve them until {expires:%Y-%m-%d %H:%M %Z}.")
        self.stdout.write(taking.line(sweep, options["wait"]))
