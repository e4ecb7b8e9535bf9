"""The use cases. Each takes `now` (aware) and reads no clock; each changes rows first and sends messages after."""

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from ..domain import cutoff

# How long a message is trusted to be on its way before the reconciler sends another. A chunk takes well under a second;
# a doubled message finds the work done and costs one read, while a lost one costs its sweep this long before 18:00.
PATIENCE: Final = timedelta(seconds=60)
# How often the reconciler looks: each look sends what the payment provider can take until the next one.
RECONCILE_EVERY: Final = timedelta(seconds=30)


def local(instant: datetime | None) -> str:
    """The instant on the clocks of the cutoff's zone, for a line of `health`."""
    return f"{timezone.localtime(instant, cutoff.ZONE):%Y-%m-%d %H:%M:%S %Z}"
