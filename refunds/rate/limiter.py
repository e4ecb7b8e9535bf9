"""One limit on the calls to a payer, over all workers."""

from datetime import timedelta
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .pacing import BadRate, Rate

# One key, because there is one account with the payer.
KEY: Final = "refunds:gateway"
# Calls that may come at once after a pause, as a part of a second's calls: in no second are there more than a tenth
# too many. With no such allowance, of two workers that call in the same 20 ms one would be sent away.
BURST: Final = timedelta(seconds=0.1)
# Calls of one attempt: the search for an earlier refund, and the refund. A turn of more than the burst never comes.
LARGEST_TURN: Final = 2
# throttled-py's word for not waiting; it refuses 0.
NO_WAIT: Final = -1


class Throttle:
    """Turns by the generic cell rate algorithm of throttled-py, counted in Redis, or in this process alone.

    Redis counts by its own clock, so that the clocks of the workers' machines do not matter.
    """

    def __init__(self, rate: Rate, url: str) -> None:
        """`url` is that of a Redis, or `memory://`. Raises ImportError without the package throttled-py."""
        import throttled

        self.rate = rate
        store: Any = throttled.MemoryStore() if url.startswith("memory:") else throttled.RedisStore(server=url)
        burst = max(LARGEST_TURN, rate.within(BURST))
        quota = throttled.per_duration(rate.period, rate.calls, burst=burst)
        self._turns = throttled.Throttled(key=KEY, using=throttled.RateLimiterType.GCRA.value, quota=quota, store=store)

    def within(self, span: timedelta) -> int:
        """How many calls a span of time holds: at least one."""
        return self.rate.within(span)

    def take(self, calls: int = 1, wait: timedelta = timedelta(0)) -> bool:
        """Take a permit, if there is one within `wait`. Raises what the Redis client raises where Redis is away."""
        return not self._turns.limit(cost=calls, timeout=wait.total_seconds() or NO_WAIT).limited


def limiter() -> Throttle | None:
    """The limiter that the settings REFUNDS_GATEWAY_RATE and REFUNDS_LIMITER_URL describe; None without a rate.

    Raises ImproperlyConfigured.
    """
    rate = settings.REFUNDS_GATEWAY_RATE
    return _load(rate, settings.REFUNDS_LIMITER_URL) if rate else None


@cache
def _load(rate: str, url: str) -> Throttle:
    try:
        return Throttle(Rate.parse(rate), url)
    except BadRate as error:
        raise ImproperlyConfigured(f"REFUNDS_GATEWAY_RATE: {error}") from error
    except ImportError as error:
        raise ImproperlyConfigured(
            f"REFUNDS_GATEWAY_RATE is {rate!r}, which needs the package throttled-py: pip install '.[rate]' in the "
            "clone of refunds"
        ) from error
