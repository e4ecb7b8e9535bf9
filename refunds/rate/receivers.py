"""Receive the core's signals about calls to the payment provider."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.dispatch import receiver

from .. import signals
from ..gateways import BulkGateway, Gateway
from .limiter import limiter

# How long a task waits for a permit: of ten children that share 50/s each waits for 0.2 s. A longer wait would not fit
# into pay_refund's time limit of 50 s, with two calls to a provider that answers late.
LONGEST_WAIT: Final = timedelta(seconds=5)


@receiver(signals.call_asked, dispatch_uid=f"{__name__}.call_asked")
def permit(*, gateway: Gateway, calls: int, waiting: Callable[[], object] | None, **_: Any) -> bool:
    """Take a permit for so many calls, and return whether it came in time."""
    throttle = None if isinstance(gateway, BulkGateway) else limiter()
    if throttle is None or throttle.take(calls):
        return True
    if waiting is None:
        return False
    waiting()
    return throttle.take(calls, wait=LONGEST_WAIT)


@receiver(signals.share_asked, dispatch_uid=f"{__name__}.share_asked")
def calls_within(*, gateway: Gateway, time: timedelta, **_: Any) -> int | None:
    """Return how many calls the rate allows in `time`; None without a rate."""
    throttle = None if isinstance(gateway, BulkGateway) else limiter()
    return None if throttle is None else throttle.within(time)
