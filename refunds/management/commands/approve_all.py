"""`approve_all`: what the admin's button does, from a shell."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from ... import store
from ...domain import cutoff
from ...domain import sweeps as rules
from ...domain.money import to_major
from ...domain.returns import Decision
from ...operations import sweeps


class Command(BaseCommand):
    """Starts an approve sweep over all that is pending now; the workers do the rest."""

    help = "Approve all pending return requests, as the admin's button does. Needs a broker and a worker."

    def handle(self, *args: Any, **options: Any) -> None:
        """Start the sweep and say what it covers."""
        now = timezone.now()
        up_to_id = store.highest_id()
        totals = store.totals(store.pending(rules.cover(Decision.APPROVE, up_to_id, now)))
        if not totals:
            self.stdout.write("Nothing is pending; nothing was started.")
            return
        sweep, _ = sweeps.start_approve(key=uuid.uuid4().hex, up_to_id=up_to_id, by=None, now=now)
        for currency, count, total in totals:
            self.stdout.write(f"{count:,} pending, {to_major(total, currency):,} {currency}")
        lapses = timezone.localtime(sweep.lapses_at, cutoff.ZONE)
        self.stdout.write(f"Sweep {sweep.pk} approves them until {lapses:%Y-%m-%d %H:%M %Z}.")
