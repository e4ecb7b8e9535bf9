"""The use cases. Each takes `now` (aware), changes rows, then sends messages. Cutoffs go by `trusted_now`."""

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import pgettext

from .. import signals
from ..domain import cutoff

# How long the reconciler takes a message to be on its way. A chunk takes well under a second, and a second message
# costs one read; a lost one delays its sweep by this long.
PATIENCE: Final = timedelta(seconds=60)
# How often the reconciler runs: each run sends what the payment provider can take until the next one.
RECONCILE_EVERY: Final = timedelta(seconds=30)


def trusted_now() -> datetime:
    """Return the time to act on a cutoff by: the process's, unless a room knows better. Raises ClocksDiffer."""
    now = timezone.now()
    return next(iter(signals.answers(signals.clock_asked, now=now)), now)


def local(instant: datetime | None) -> str:
    """Return the instant on the clocks of the cutoff's zone, for a line of `health`."""
    return date_format(timezone.localtime(instant, cutoff.ZONE), pgettext("instant", "Y-m-d H:i:s T"))
