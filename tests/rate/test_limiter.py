"""The limit on calls to a payer: by the settings, over processes, and by a clock."""

import sys
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from refunds.rate.limiter import BURST, LARGEST_PERMIT, Throttle, limiter
from refunds.rate.pacing import Rate

SECOND = timedelta(seconds=1)


def test_rate_is_read_from_the_settings(settings: Settings) -> None:
    """The limiter has the rate of the setting."""
    settings.REFUNDS_GATEWAY_RATE, settings.REFUNDS_LIMITER_URL = "50/s", "memory://"
    found = limiter()
    assert found is not None
    assert found.rate == Rate(50, SECOND)
    assert limiter() is found


def test_malformed_rate_is_named(settings: Settings) -> None:
    """The error has the setting, its value and the accepted form."""
    settings.REFUNDS_GATEWAY_RATE = "fast"
    with pytest.raises(ImproperlyConfigured, match=r"REFUNDS_GATEWAY_RATE: 'fast' is not a rate: .* such as 50/s"):
        limiter()


def test_missing_package_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra that installs it."""
    monkeypatch.setitem(sys.modules, "throttled", None)
    settings.REFUNDS_GATEWAY_RATE = "51/s"
    with pytest.raises(ImproperlyConfigured, match=r"pip install '\.\[rate\]' in the clone of refunds"):
        limiter()


def test_permit_can_be_for_two_calls() -> None:
    """The search for an earlier refund and the refund itself are two calls, taken together or not at all."""
    throttle = Throttle(Rate.parse("2/h"), "memory://")
    assert [throttle.take(), throttle.take(2), throttle.take(), throttle.take()] == [True, False, True, False]


@given(
    st.integers(1, 200),
    st.lists(st.tuples(st.floats(0, 0.3), st.integers(1, LARGEST_PERMIT)), min_size=1, max_size=120),
)
def test_no_second_has_more_calls_than_the_rate_and_its_burst(calls: int, asked: list[tuple[float, int]]) -> None:
    """The permits keep the rate, for any times of asking and any numbers of calls."""
    rate = Rate(calls, SECOND)
    throttle = Throttle(rate, "memory://")
    now, given_at = 0.0, []
    with freeze_time("2026-07-15 09:00:00") as clock:
        assert isinstance(clock, FrozenDateTimeFactory)
        for wait, turn in asked:
            clock.tick(wait)
            now += wait
            given_at += [now] * turn if throttle.take(turn) else []
    burst = max(LARGEST_PERMIT, rate.within(BURST))
    for first in given_at:
        assert sum(first <= other < first + 1 for other in given_at) <= calls + burst


def test_an_unused_second_is_not_saved_up() -> None:
    """After a night without calls no more than the burst comes at once."""
    throttle = Throttle(Rate.parse("50/s"), "memory://")
    with freeze_time("2026-07-15 09:00:00") as clock:
        assert throttle.take()
        clock.tick(timedelta(hours=8))
        assert sum(throttle.take() for _ in range(50)) == 5
