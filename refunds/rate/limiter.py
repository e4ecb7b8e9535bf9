"""Limit the rate of calls to the payment provider over all workers."""

from datetime import timedelta
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ..apps import LABEL
from .pacing import BadRate, Rate

# One key: the limit belongs to the one account at the provider.
KEY: Final = f"{LABEL}:gateway"
# Calls that can come at once after a pause, as a part of a second's calls: no second exceeds the rate by more than a
# tenth. Without a burst, one of two workers that call within 20 ms would get no permit.
BURST: Final = timedelta(seconds=0.1)
# Calls of one attempt: the search for an earlier refund, and the refund. The burst must allow both, or the attempt
# would never get its permit.
LARGEST_PERMIT: Final = 2
# throttled-py's value for not waiting; it refuses 0.
NO_WAIT: Final = -1


class Throttle:
    """Gives permits by the generic cell rate algorithm of throttled-py, counted in Redis or only in this process.

    Redis counts by its own clock, so the clocks of the workers' machines do not matter.
    """

    def __init__(self, rate: Rate, url: str) -> None:
        """Connect to `url`: a Redis, or `memory://`. Raises ImportError without the package throttled-py."""
        import throttled

        self.rate = rate
        store: Any = throttled.MemoryStore() if url.startswith("memory:") else throttled.RedisStore(server=url)
        burst = max(LARGEST_PERMIT, rate.within(BURST))
        quota = throttled.per_duration(rate.period, rate.calls, burst=burst)
        self._permits = throttled.Throttled(
            key=KEY, using=throttled.RateLimiterType.GCRA.value, quota=quota, store=store
        )

    def within(self, time: timedelta) -> int:
        """Return how many calls the rate allows in `time`; at least one."""
        return self.rate.within(time)

    def take(self, calls: int = 1, wait: timedelta = timedelta(0)) -> bool:
        """Take a permit for `calls`, and return whether it came within `wait`. Raises the Redis client's errors."""
        return not self._permits.limit(cost=calls, timeout=wait.total_seconds() or NO_WAIT).limited


def limiter() -> Throttle | None:
    """Return the limiter by the settings REFUNDS_GATEWAY_RATE and REFUNDS_LIMITER_URL; None without a rate.

    Raises ImproperlyConfigured.
    """
    rate: str = getattr(settings, "REFUNDS_GATEWAY_RATE", "")
    return _load(rate, getattr(settings, "REFUNDS_LIMITER_URL", "memory://")) if rate else None


@cache
def _load(rate: str, url: str) -> Throttle:
    try:
        return Throttle(Rate.parse(rate), url)
    except BadRate as error:
        raise ImproperlyConfigured(f"REFUNDS_GATEWAY_RATE: {error}") from error
    except ImportError as error:
        raise ImproperlyConfigured(
            f"REFUNDS_GATEWAY_RATE is {rate!r}, which needs the package throttled-py: install it, by "
            "pip install '.[rate]' in the clone of refunds"
        ) from error
