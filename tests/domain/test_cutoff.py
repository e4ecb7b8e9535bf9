"""The cut-off: 18:00 on the wall clocks of Kyiv, on every day of the calendar."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refunds.domain import cutoff
from refunds.domain.instants import NaiveInstant

from .strategies import instants

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
BLINK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [
        (SPRING - timedelta(days=1), 16),
        (SPRING, 15),
        (SPRING + timedelta(days=1), 15),
        (AUTUMN - timedelta(days=1), 15),
        (AUTUMN, 16),
        (AUTUMN + timedelta(days=1), 16),
    ],
)
def test_cutoff_moves_with_the_clocks_of_kyiv(day: date, utc_hour: int) -> None:
    """Around both Sundays of 2026 the cut-off is 18:00 local, and so another hour in UTC."""
    instant = cutoff.on(day)
    assert instant == datetime(day.year, day.month, day.day, utc_hour, tzinfo=UTC)
    assert instant.utcoffset() == timedelta(0)


@pytest.mark.parametrize("day", [date(2026, 7, 15), SPRING, AUTUMN])
def test_the_instant_itself_belongs_to_the_next_day(day: date) -> None:
    """At 17:59:59.999999 the day's cut-off is still to come; at 18:00:00 it is the latest."""
    line, before = cutoff.on(day), cutoff.on(day - timedelta(days=1))
    assert (cutoff.latest(line - BLINK), cutoff.upcoming(line - BLINK)) == (before, line)
    assert (cutoff.latest(line), cutoff.upcoming(line)) == (line, cutoff.on(day + timedelta(days=1)))


@given(instants)
@example(cutoff.on(SPRING))
@example(cutoff.on(AUTUMN))
@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
def test_every_instant_lies_between_two_cutoffs_a_day_apart(now: datetime) -> None:
    """The latest cut-off is not after now, the upcoming one is after it, both at 18:00 local, on days that touch."""
    latest, upcoming = cutoff.latest(now), cutoff.upcoming(now)
    assert latest <= now < upcoming
    local = [instant.astimezone(cutoff.ZONE) for instant in (latest, upcoming)]
    assert [(at.hour, at.minute, at.second, at.microsecond) for at in local] == [(18, 0, 0, 0)] * 2
    assert local[1].date() - local[0].date() == timedelta(days=1)
    assert timedelta(hours=23) <= upcoming - latest <= timedelta(hours=25)


@given(instants, st.integers(-23, 23))
def test_the_offset_of_now_does_not_matter(now: datetime, hours: int) -> None:
    """The same instant written with another offset has the same cut-offs."""
    elsewhere = now.astimezone(timezone(timedelta(hours=hours)))
    assert (cutoff.latest(elsewhere), cutoff.upcoming(elsewhere)) == (cutoff.latest(now), cutoff.upcoming(now))


@pytest.mark.parametrize("ask", [cutoff.latest, cutoff.upcoming])
def test_a_naive_now_is_refused(ask: object) -> None:
    """Nobody can say which 18:00 a naive datetime is before."""
    with pytest.raises(NaiveInstant, match="has no UTC offset"):
        ask(datetime(2026, 7, 15, 18))  # type: ignore[operator]  # noqa: DTZ001  # the point of the test
