"""What follows from a state, and how far: never into a change of the clocks."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from celery_rehearsal.preflight.rhythm import Rhythm, State
from celery_rehearsal.preflight.windows import Windows

UTC = timezone.utc
KYIV = ZoneInfo("Europe/Kyiv")
START = datetime(2027, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def always(_first: datetime, _last: datetime) -> bool:
    """No change is near."""
    return True


def hourly(count: int, *, same_day: bool = False) -> Rhythm:
    """A rhythm of the day that has seen so many hours."""
    rhythm = Rhythm(UTC, DAY, same_day=same_day)
    for number in range(count):
        assert rhythm.came(State(START + number * HOUR, HOUR), always)
    return rhythm


def test_nothing_follows_from_a_state_that_is_new() -> None:
    """Celery's code has to say it first."""
    assert hourly(3).follow(State(START + 12 * HOUR, HOUR), START + 9 * DAY) is None


def test_a_whole_turn_goes_on_to_the_end() -> None:
    """So that beat asks again before the end, and not at it or after it."""
    steps = hourly(25).follow(State(START, HOUR), START + 3 * DAY)
    assert steps is not None
    assert steps.gaps == (HOUR,) * 24
    assert steps.count == 70
    assert steps.state == State(START + 70 * HOUR, HOUR)


def test_a_part_of_a_turn_goes_as_far_as_it_is_known() -> None:
    """Behind it Celery's code is driven."""
    steps = hourly(4).follow(State(START + DAY, HOUR), START + 3 * DAY)
    assert steps is not None
    assert (steps.gaps, steps.count) == ((HOUR,) * 3, 3)
    assert steps.state.at == START + DAY + 3 * HOUR


def test_a_crontab_with_dates_follows_within_a_day_only() -> None:
    """What comes on the next day depends on its date."""
    steps = hourly(26, same_day=True).follow(State(START + 5 * DAY, HOUR), START + 9 * DAY)
    assert steps is not None
    assert steps.state.at == START + 5 * DAY + 22 * HOUR


def test_a_state_that_goes_on_otherwise_ends_the_rhythm() -> None:
    """The firing that was driven contradicts the one that was known."""
    rhythm = hourly(25)
    assert not rhythm.came(State(START + 25 * HOUR + timedelta(minutes=1), HOUR), always)


def test_what_happens_near_a_change_is_not_learned() -> None:
    """There the same local time goes on otherwise."""
    rhythm = Rhythm(UTC, DAY)
    for number in range(3):
        rhythm.came(State(START + number * HOUR, HOUR), lambda _first, _last: False)
    assert rhythm.follow(State(START, HOUR), START + 9 * DAY) is None


def test_windows_are_around_changes_and_the_years_end() -> None:
    """An hour and twice the change on each side of a change; an hour on each side of the year's end."""
    windows = Windows({KYIV}, START, START + 365 * DAY)
    change = datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert windows.next(START) == change - 3 * HOUR
    assert windows.next(change + 2 * HOUR) is None
    assert windows.next(change + 4 * HOUR) == datetime(2027, 10, 31, 1, tzinfo=UTC) - 3 * HOUR
    assert windows.next(datetime(2027, 12, 1, tzinfo=UTC)) == datetime(2027, 12, 31, 22, tzinfo=UTC) - HOUR
    assert windows.next(datetime(2028, 2, 1, tzinfo=UTC)) == START + 365 * DAY
    assert windows.quiet(START, START + DAY)
    assert not windows.quiet(START, change)
    assert not windows.quiet(change, change)
    assert not windows.quiet(START, change + DAY)
