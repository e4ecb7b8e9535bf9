"""The retry policy: bounded waits, bounded attempts, bounded time."""

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from refunds.domain.retries import LONGEST_COUNTDOWN, GiveUp, Retry, RetryPolicy

HOUR = timedelta(hours=1)
jitters = st.floats(0, 1, exclude_max=True)
spans = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=30))


@st.composite
def policies(draw: st.DrawFn) -> RetryPolicy:
    least, base, cap, within = sorted(draw(st.lists(spans, min_size=4, max_size=4)))
    return RetryPolicy(base=base, cap=cap, least=least, max_attempts=draw(st.integers(1, 100)), within=within)


@given(policies(), st.integers(1, 120), st.timedeltas(timedelta(0), timedelta(days=40)), jitters, st.none() | spans)
def test_wait_stays_within_every_bound(
    policy: RetryPolicy, attempt: int, elapsed: timedelta, jitter: float, retry_after: timedelta | None
) -> None:
    """A retry waits at least the floor and Retry-After, at most the ceiling, and ends within the budget."""
    verdict = policy.after_failure(attempt=attempt, elapsed=elapsed, jitter=jitter, retry_after=retry_after)
    asked = retry_after or timedelta(0)
    if isinstance(verdict, Retry):
        assert attempt < policy.max_attempts
        assert elapsed + verdict.delay <= policy.within
        assert max(policy.least, asked) <= verdict.delay <= max(policy.ceiling(attempt), policy.least, asked)
        assert verdict.by_message == (verdict.delay <= LONGEST_COUNTDOWN)
    else:
        out_of_time = elapsed + max(policy.ceiling(attempt), policy.least, asked) > policy.within
        assert attempt >= policy.max_attempts or out_of_time


@given(policies(), st.integers(1, 100))
def test_ceiling_doubles_until_the_cap(policy: RetryPolicy, attempt: int) -> None:
    """Each ceiling is twice the one before, never above the cap."""
    assert policy.ceiling(1) == policy.base
    assert policy.ceiling(attempt + 1) == min(policy.cap, 2 * policy.ceiling(attempt))


@given(policies(), st.lists(jitters, min_size=100, max_size=100))
def test_attempts_end_by_number_or_time(policy: RetryPolicy, draws: list[float]) -> None:
    """For any jitter, the policy gives up after a number of attempts or after a time."""
    elapsed = timedelta(0)
    for attempt, jitter in enumerate(draws, start=1):
        verdict = policy.after_failure(attempt=attempt, elapsed=elapsed, jitter=jitter)
        if isinstance(verdict, GiveUp):
            assert attempt <= policy.max_attempts
            return
        elapsed += verdict.delay
    raise AssertionError("the policy never gave up")


def test_last_attempt_gives_up_with_its_number() -> None:
    """With three attempts allowed the third failure is the last."""
    policy = RetryPolicy(max_attempts=3)
    assert policy.after_failure(attempt=2, elapsed=HOUR, jitter=0.5) == Retry(timedelta(seconds=2))
    assert policy.after_failure(attempt=3, elapsed=HOUR, jitter=0.5) == GiveUp("gave up after 3 attempts")


def test_retry_after_beyond_the_budget_gives_up() -> None:
    """The policy gives up where the provider asks for a longer wait than the budget has left."""
    verdict = RetryPolicy(within=HOUR).after_failure(attempt=1, elapsed=HOUR / 2, jitter=0, retry_after=HOUR)
    assert verdict == GiveUp("gave up: the next attempt would come more than 1:00:00 after the first")


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.5), (1, 1.0), (1, -0.1)])
def test_attempt_or_jitter_out_of_range_is_refused(attempt: int, jitter: float) -> None:
    """Attempts count from 1 and jitter lies in [0, 1)."""
    with pytest.raises(ValueError, match="attempt"):
        RetryPolicy().after_failure(attempt=attempt, elapsed=HOUR, jitter=jitter)


@given(st.lists(spans, min_size=4, max_size=4), st.integers(-1, 1))
def test_contradictory_policy_is_refused(parts: list[timedelta], attempts: int) -> None:
    """Floor, base, cap and budget must be in rising order, and one attempt must be allowed."""
    least, base, cap, within = parts
    assume(attempts < 1 or parts != sorted(parts))
    with pytest.raises(ValueError, match="a retry policy needs"):
        RetryPolicy(base=base, cap=cap, least=least, max_attempts=attempts, within=within)
