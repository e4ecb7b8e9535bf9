"""Compute when to ask the payment provider for the outcome of a refund that it has accepted."""

from datetime import timedelta
from typing import Final

# Most refunds that are not settled at once are settled within minutes, so the first look-up comes soon.
SHORTEST_WAIT: Final = timedelta(minutes=1)
# A refund can take days (docs/tracking.md). Four look-ups a day find its outcome on the same day, and take little of
# the provider's rate limit even with thousands of refunds under way.
LONGEST_WAIT: Final = timedelta(hours=6)


def wait_for_look_up(under_way_for: timedelta) -> timedelta:
    """Return how long to wait for the next look-up of a refund that has been under way for so long.

    The wait doubles the time under way, between SHORTEST_WAIT and LONGEST_WAIT. So look-ups come 1, 2, 4, 8 … minutes
    after the acceptance, then every 6 hours, without end. A time below zero, which two clocks can cause, counts as 0.
    """
    return min(max(under_way_for, SHORTEST_WAIT), LONGEST_WAIT)
