"""Every day of the zone's calendar has one cutoff, and every instant belongs to one day."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refunds.domain import cutoff

from .strategies import instants

BLINK, DAY = timedelta(microseconds=1), timedelta(days=1)
# The days of 2026 on which the clocks of the examples' zones go forward and back.
EUROPE, AMERICA = (date(2026, 3, 29), date(2026, 10, 25)), (date(2026, 3, 8), date(2026, 11, 1))


@pytest.mark.parametrize(
    ("zone", "at", "winter", "summer"),
    [
        ("Europe/Kyiv", time(18, 0), "16:00", "15:00"),
        ("Europe/Warsaw", time(16, 30), "15:30", "14:30"),
        ("America/St_Johns", time(0, 5), "03:35", "02:35"),
    ],
)
def test_cutoff_moves_with_the_clocks_of_the_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str, at: time, winter: str, summer: str
) -> None:
    """The cutoff stays at its local time across both changes of 2026, and moves by an hour in UTC."""
    monkeypatch.setattr(cutoff, "ZONE", ZoneInfo(zone))
    monkeypatch.setattr(cutoff, "TIME", at)
    # The clocks change at two or three in the morning: five minutes past midnight is before that, 16:30 after it.
    later = DAY if at < time(2) else timedelta(0)
    changes = AMERICA if zone.startswith("America") else EUROPE
    days = [change + later - wait for change in changes for wait in (DAY, timedelta(0))]
    expected = [f"{day} {at} UTC" for day, at in zip(days, (winter, summer, summer, winter), strict=True)]
    assert [f"{cutoff.on(day):%Y-%m-%d %H:%M %Z}" for day in days] == expected


@pytest.mark.parametrize("day", [date(2026, 7, 15), *EUROPE, *AMERICA])
def test_instant_of_the_cutoff_belongs_to_the_next_day(day: date) -> None:
    """A microsecond before the cutoff it is the upcoming one; at the cutoff it is the latest one."""
    line, before = cutoff.on(day), cutoff.on(day - DAY)
    assert (cutoff.latest(line - BLINK), cutoff.upcoming(line - BLINK)) == (before, line)
    assert (cutoff.latest(line), cutoff.upcoming(line)) == (line, cutoff.on(day + DAY))


@given(instants)
@example(cutoff.on(date(2026, 3, 29)))
@example(cutoff.on(date(2026, 11, 1)))
@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
def test_instant_lies_between_two_cutoffs_a_day_apart(now: datetime) -> None:
    """The latest cutoff is at or before now, and the upcoming one after now, at the local time of consecutive days."""
    latest, upcoming = cutoff.latest(now), cutoff.upcoming(now)
    assert latest <= now < upcoming
    assert latest.utcoffset() == upcoming.utcoffset() == timedelta(0)
    local = [instant.astimezone(cutoff.ZONE) for instant in (latest, upcoming)]
    assert [at.time() for at in local] == [cutoff.TIME] * 2
    assert local[1].date() - local[0].date() == DAY
    assert timedelta(hours=23) <= upcoming - latest <= timedelta(hours=25)


@given(instants, st.integers(-23, 23))
def test_offset_of_now_does_not_change_the_cutoffs(now: datetime, hours: int) -> None:
    """The same instant written with another offset has the same cutoffs."""
    elsewhere = now.astimezone(timezone(timedelta(hours=hours)))
    assert (cutoff.latest(elsewhere), cutoff.upcoming(elsewhere)) == (cutoff.latest(now), cutoff.upcoming(now))


@pytest.mark.parametrize("ask", [cutoff.latest, cutoff.upcoming])
def test_naive_now_is_refused(ask: object) -> None:
    """A naive datetime is neither before nor after a cutoff."""
    with pytest.raises(cutoff.NaiveInstant, match="has no UTC offset"):
        ask(datetime(2026, 7, 15, 12))  # type: ignore[operator]  # noqa: DTZ001  # the point of the test


def test_pages_name_the_cutoff_by_time_and_city() -> None:
    """The label is made of the two constants."""
    assert f"{cutoff.TIME:%H:%M} in {cutoff.CITY}" == cutoff.LABEL
