"""Approve all pending return requests from a shell, as the admin's button does."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandParser, no_translations

from ...domain import cutoff
from ...domain.money import to_major
from ...domain.returns import Decision
from ...operations import button, decisions, local
from .. import taking
from ..clock import trusted_now


class Command(BaseCommand):
    """Starts an approve sweep over everything that is pending now; the workers do the rest."""

    help = "Approve all pending return requests, as the admin's button does. Needs a broker and a worker."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --wait."""
        taking.add_wait(parser)

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        """Start the sweep; print what it approves, until when, and whether a worker has taken it."""
        now = trusted_now()
        shown = decisions.preview(Decision.APPROVE, now)
        if late := shown.only_declinable:
            self.stdout.write(f"{late:,} were received before the last cutoff and can only be declined.")
        if not shown.count:
            self.stdout.write("Nothing can be approved; nothing was started.")
            return
        sweep, _ = button.start_approve(key=uuid.uuid4().hex, frozen=shown.frozen, by=None, now=now)
        for currency, count, total in shown.totals:
            self.stdout.write(f"{count:,} pending, {to_major(total, currency):,} {currency}")
        self.stdout.write(f"Sweep {sweep.pk} approves them until {local(cutoff.upcoming(now))}.")
        self.stdout.write(taking.line(sweep, options["wait"]))
