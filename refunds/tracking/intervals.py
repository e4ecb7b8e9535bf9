"""When the payment provider is asked what has become of a refund that it has accepted."""

from datetime import timedelta
from typing import Final

# Most refunds that are not settled at once are settled within minutes, so the first look-up comes soon.
SHORTEST_WAIT: Final = timedelta(minutes=1)
# A refund can take days (docs/tracking.md). Four look-ups a day find its outcome the same day and cost the provider's
# rate limit next to nothing, even with thousands of refunds under way.
LONGEST_WAIT: Final = timedelta(hours=6)


def wait_for_look_up(under_way_for: timedelta) -> timedelta:
    """Return how long to wait for the next look-up of a refund that has been under way for so long.

    As long again as it has been under way, between SHORTEST_WAIT and LONGEST_WAIT: the look-ups come 1, 2, 4, 8 …
    minutes after the acceptance, then every 6 hours, and never end. A time below zero, which two clocks can make,
    counts as none.
    """
    return min(max(under_way_for, SHORTEST_WAIT), LONGEST_WAIT)
