"""Whether and when a failed attempt to pay is tried again."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

# The longest wait of a message, which a worker holds in memory, and which Redis delivers again after its visibility
# timeout (3,600 s by default). A longer wait is a due time on the row, which the reconciler finds.
LONGEST_COUNTDOWN: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class Retry:
    """Try again after `delay`."""

    delay: timedelta

    @property
    def by_message(self) -> bool:
        """Whether the wait is short enough for a message with a countdown."""
        return self.delay <= LONGEST_COUNTDOWN


@dataclass(frozen=True)
class GiveUp:
    """Stop; `reason` is for the operator who reads it in the admin."""

    reason: str


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff, at most `max_attempts` attempts within `within` of the first.

    The wait after attempt n is drawn evenly from 0 to min(`cap`, `base` * 2**(n-1)), at least `least`: "full jitter" of
    M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
    """

    base: timedelta = timedelta(seconds=2)
    cap: timedelta = timedelta(minutes=10)
    least: timedelta = timedelta(seconds=1)
    max_attempts: int = 12
    within: timedelta = timedelta(hours=6)

    def __post_init__(self) -> None:
        """Raises ValueError for a policy that could neither wait nor stop."""
        if not timedelta(0) < self.least <= self.base <= self.cap <= self.within or self.max_attempts < 1:
            raise ValueError(f"a retry policy needs 0 < least <= base <= cap <= within and an attempt: {self}")

    def ceiling(self, attempt: int) -> timedelta:
        """Return the longest wait that can be drawn after attempt number `attempt` (1 is the first)."""
        factor = 2 ** (attempt - 1)  # compared as a whole number: a timedelta overflows
        return self.base * factor if factor < self.cap / self.base else self.cap

    def after_failure(
        self, *, attempt: int, elapsed: timedelta, jitter: float, retry_after: timedelta | None = None
    ) -> Retry | GiveUp:
        """Return what follows a failure; no delay is shorter than the provider's `retry_after`.

        `attempt` counts from 1, `elapsed` from the first attempt's begin; `jitter` is in [0, 1). Raises ValueError.
        """
        if attempt < 1 or not 0 <= jitter < 1:
            raise ValueError(f"attempt {attempt} must be 1 or more and jitter {jitter} in [0, 1)")
        if attempt >= self.max_attempts:
            return GiveUp(f"gave up after {attempt} attempts")
        delay = max(self.ceiling(attempt) * jitter, self.least, retry_after or timedelta(0))
        if elapsed + delay > self.within:
            return GiveUp(f"gave up: the next attempt would come more than {self.within} after the first")
        return Retry(delay)
