"""How fast a payer may be called: rates, and the gaps between calls."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds.operations import RECONCILE_EVERY
from refunds.operations.bulk_payments import FIRST_SHARE
from refunds.rate.pacing import BadRate, Rate

MICROSECOND = timedelta(microseconds=1)
PERIODS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
calls = st.integers(1, 999_999)
rates = st.builds(Rate, calls, st.sampled_from(sorted(PERIODS.values())))
spans = st.timedeltas(timedelta(0), timedelta(days=1))


@given(calls, st.sampled_from(sorted(PERIODS)), st.sampled_from(["", " ", "\n"]))
def test_a_rate_is_read_in_celerys_spelling(number: int, period: str, around: str) -> None:
    """A number of calls, a slash, and s, m or h; white space around it does not matter."""
    assert Rate.parse(f"{around}{number}/{period}{around}") == Rate(number, PERIODS[period])


@pytest.mark.parametrize(
    "text",
    [
        *("", "50", "/s", "50/", "50/d", "50/S", "50 / s", "50/s/m", "50/s 60/m", "x" * 10_000),
        *("0/s", "00/s", "050/s", "-1/s", "+1/s", "1.5/s", "1e3/s", "1_000/s", "1000000/s", "\u0665/s", "²/s"),
    ],
)
def test_a_text_that_is_no_rate_is_refused(text: str) -> None:
    """The error repeats the text, or 40 characters of a page of it, and shows what a rate looks like."""
    with pytest.raises(BadRate) as refused:
        Rate.parse(text)
    assert str(refused.value) == (
        f"{text[:40]!r} is not a rate: write calls per second, minute or hour, such as 50/s, 600/m, 9000/h"
    )


@pytest.mark.parametrize(
    ("rate", "first_share", "a_look"),
    [("50/s", 500, 1500), ("600/m", 100, 300), ("9000/h", 25, 75), ("1/h", 1, 1), ("999999/s", 9_999_990, 29_999_970)],
)
def test_a_rate_is_so_many_calls_in_a_span(rate: str, first_share: int, a_look: int) -> None:
    """What a task sends at first is 10 s worth, what the reconciler sends 30 s worth; one call at the least."""
    parsed = Rate.parse(rate)
    assert (parsed.within(FIRST_SHARE), parsed.within(RECONCILE_EVERY)) == (first_share, a_look)


@given(rates, spans)
def test_no_more_calls_are_within_a_span_than_the_rate_allows(rate: Rate, span: timedelta) -> None:
    """So many calls take no longer than the span, and one more would; only the first is always there."""
    count = rate.within(span)
    assert count * rate.period <= max(span * rate.calls, rate.period)
    assert (count + 1) * rate.period > span * rate.calls
    assert rate.within(rate.period) == rate.calls
