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

# The days on which the clocks of Kyiv change, at 01:00 UTC.
CHANGES = ((2027, 3, 28), (2027, 10, 31), (2028, 3, 26))


def hourly(count: int, days: int = 9, *, same_day: bool = False) -> Rhythm:
    """A rhythm of the day that has seen so many hours. It ends after so many days."""
    rhythm = Rhythm(UTC, DAY, Windows(set(), START, START + days * DAY), same_day=same_day)
    for number in range(count):
        assert rhythm.came(State(START + number * HOUR, HOUR))
    return rhythm


def test_nothing_follows_from_a_state_that_is_new() -> None:
    """Celery's code has to say it first."""
    assert hourly(3).follow(State(START + 12 * HOUR, HOUR)) is None


def test_a_whole_turn_goes_on_to_the_end() -> None:
    """So that beat asks again before the end, and not at it or after it."""
    steps = hourly(25, days=3).follow(State(START, HOUR))
    assert steps is not None
    assert steps.gaps == (HOUR,) * 24
    assert steps.count == 70
    assert steps.state == State(START + 70 * HOUR, HOUR)


def test_a_part_of_a_turn_goes_as_far_as_it_is_known() -> None:
    """Behind it Celery's code is driven."""
    steps = hourly(4).follow(State(START + DAY, HOUR))
    assert steps is not None
    assert (steps.gaps, steps.count) == ((HOUR,) * 3, 3)
    assert steps.state.at == START + DAY + 3 * HOUR


def test_a_crontab_with_dates_follows_within_a_day_only() -> None:
    """What comes on the next day depends on its date."""
    steps = hourly(26, same_day=True).follow(State(START + 5 * DAY, HOUR))
    assert steps is not None
    assert steps.state.at == START + 5 * DAY + 22 * HOUR


def test_a_state_that_goes_on_otherwise_ends_the_rhythm() -> None:
    """The firing that was driven contradicts the one that was known."""
    rhythm = hourly(25)
    assert not rhythm.came(State(START + 25 * HOUR + timedelta(minutes=1), HOUR))


def test_what_happens_near_a_change_follows_near_an_equal_change_only() -> None:
    """Elsewhere, and near a change of the other kind, the same local time goes on otherwise."""
    rhythm = Rhythm(KYIV, DAY, Windows({KYIV}, START, START + 800 * DAY))
    spring, autumn, next_spring = (datetime(*day, 1, tzinfo=UTC) for day in CHANGES)
    for number in range(-2, 3):
        assert rhythm.came(State(spring + number * HOUR, HOUR))
    steps = rhythm.follow(State(next_spring - 2 * HOUR, HOUR))
    assert steps is not None
    assert steps.gaps == (HOUR,) * 4
    assert steps.state == State(next_spring + 2 * HOUR, HOUR)
    assert rhythm.follow(State(autumn - 2 * HOUR, HOUR)) is None
    assert rhythm.follow(State(spring + 7 * DAY - 2 * HOUR, HOUR)) is None


def test_what_leads_over_a_window_follows_at_the_same_distance_from_an_equal_one() -> None:
    """Elsewhere the local time is the same and no change lies ahead."""
    rhythm = Rhythm(KYIV, DAY, Windows({KYIV}, START, START + 800 * DAY))
    spring, next_spring = (datetime(*day, 1, tzinfo=UTC) for day in (CHANGES[0], CHANGES[2]))
    for at in (spring - 4 * HOUR, spring + 19 * HOUR):
        assert rhythm.came(State(at, DAY))
    steps = rhythm.follow(State(next_spring - 4 * HOUR, DAY))
    assert steps is not None
    assert (steps.gaps, steps.count, steps.near) == ((23 * HOUR,), 1, True)
    for other in (spring - 4 * HOUR - DAY, spring - 4 * HOUR + 3 * DAY, next_spring - 5 * HOUR):
        assert rhythm.follow(State(other, DAY)) is None


def test_two_windows_between_two_firings_are_not_learned() -> None:
    """One of them would have to be at the same distance, and so would the other."""
    rhythm = Rhythm(KYIV, None, Windows({KYIV}, START, START + 3000 * DAY))
    spring, next_spring = (datetime(*day, 1, tzinfo=UTC) for day in (CHANGES[0], CHANGES[2]))
    for at in (spring - DAY, spring + 300 * DAY):
        assert rhythm.came(State(at, 300 * DAY))
    assert rhythm.follow(State(next_spring - DAY, 300 * DAY)) is None


def test_windows_are_around_changes_and_the_years_end() -> None:
    """An hour and twice the change on each side of a change; an hour on each side of the year's end."""
    windows = Windows({KYIV}, START, START + 365 * DAY)
    change = datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert windows.next(START) == change - 3 * HOUR
    assert windows.next(change) == datetime(2027, 10, 31, 1, tzinfo=UTC) - 3 * HOUR
    assert windows.next(datetime(2027, 12, 1, tzinfo=UTC)) == datetime(2027, 12, 31, 22, tzinfo=UTC) - HOUR
    assert windows.next(datetime(2028, 2, 1, tzinfo=UTC)) == START + 365 * DAY
    assert [bool(windows.place(change + hours * HOUR)) for hours in (-4, -3, 0, 3, 4)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert windows.next(START, 1) == windows.next(change)
    assert [windows.begun(*each) for each in ((START, START + DAY), (START, change), (change, change + DAY))] == [
        0,
        1,
        0,
    ]
    assert windows.ahead(change) is windows.ahead(START + 900 * DAY) is None
    assert windows.ahead(START) != windows.ahead(START + DAY)


def test_what_leads_to_a_turn_follows_before_the_turn() -> None:
    """Beat's first firing waits a little longer than those of the turn."""
    rhythm = Rhythm(UTC, DAY, Windows(set(), START, START + 9 * DAY))
    late = timedelta(milliseconds=10)
    for number in range(50):
        assert rhythm.came(State(START + number * HOUR, HOUR if number else HOUR + late))
    first = rhythm.follow(State(START + 2 * DAY, HOUR + late))
    assert first is not None
    assert (first.gaps, first.count) == ((HOUR,), 1)
    turns = rhythm.follow(first.state)
    assert turns is not None
    assert (turns.gaps, turns.count) == ((HOUR,) * 24, 6 * 24)
