"""What moves between two plans: the short way over rhythms and the long way over each firing say the same."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from celery_rehearsal.preflight.moves import MOST, Run, Stretch, instant, runs, stretches
from celery_rehearsal.preflight.plan import Driven, Follows, Plan
from hypothesis import example, given
from hypothesis import strategies as st

SECOND = 1_000_000
HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
END = instant(30 * DAY)

# Seconds: rhythms that are alike, shifted, of other lengths, and not alike.
gaps = st.lists(st.sampled_from([60 * SECOND, 3_600 * SECOND, 90 * SECOND]), min_size=1, max_size=3).map(tuple)


def expanded(found: list[Run]) -> list[Run]:
    """The same instants, each as a run of its own."""
    singles = []
    for run in found:
        at = run.after
        for number in range(run.count):
            at += run.gaps[number % len(run.gaps)]
            singles.append(Run(at, (0,), 1))
    return singles


def chain(pieces: list[tuple[tuple[int, ...], int]], shift: int) -> list[Run]:
    """Runs one after another."""
    found, at = [], shift * 30 * SECOND
    for each, count in pieces:
        found.append(Run(at, each, count))
        turns, rest = divmod(count, len(each))
        at += turns * sum(each) + sum(each[:rest])
    return found


def told(found: list[Stretch]) -> list[tuple[int | None, int | None, int]]:
    """First instants in hours, and how many."""
    return [(each.here and each.here // HOUR, each.there and each.there // HOUR, each.count) for each in found]


plans = st.builds(chain, st.lists(st.tuples(gaps, st.integers(0, 40)), min_size=1, max_size=4), st.integers(0, 4))


@given(plans, plans)
@example([Run(0, (HOUR,), 9)], [Run(0, (HOUR,), 3), Run(3 * HOUR, (HOUR,), 6)])
@example([Run(0, (HOUR,), 9)], [Run(60 * SECOND, (HOUR,), 9)])
def test_the_short_way_is_the_long_way(here: list[Run], there: list[Run]) -> None:
    """A rhythm that is skipped differs as its firings do."""
    assert stretches(here, there, END) == stretches(expanded(here), expanded(there), END)


@given(plans)
def test_plan_does_not_move_against_itself(plan: list[Run]) -> None:
    """However it is cut into runs."""
    assert stretches(plan, expanded(plan), END) == []


def test_later_firing_is_a_move_until_both_agree() -> None:
    """Two days an hour late, then at the same time."""
    here = [Run(0, (DAY,), 1), Run(DAY + HOUR, (DAY,), 2), Run(3 * DAY, (DAY,), 2)]
    found = stretches(here, [Run(0, (DAY,), 5)], END)
    assert told(found) == [(49, 48, 2)]
    assert (found[0].delta, found[0].last) == (3_600, 3 * DAY + HOUR)


def test_firing_of_one_side_is_alone() -> None:
    """An hour that comes twice: one side is silent in the second."""
    all_hours, silent = [Run(0, (HOUR,), 6)], [Run(0, (HOUR,), 3), Run(4 * HOUR, (HOUR,), 2)]
    assert told(stretches(all_hours, silent, END)) == [(4, None, 1)]
    assert told(stretches(silent, all_hours, END)) == [(None, 4, 1)]


def test_less_than_half_a_second_is_no_move() -> None:
    """Beat looks 10 ms early, and up to Celery 5.6 it can send an entry then."""
    assert stretches([Run(0, (HOUR,), 9)], [Run(-10_000, (HOUR,), 9)], END) == []


def test_what_comes_after_the_end_is_left_out() -> None:
    """A firing that moves over the end is compared with the one that it was."""
    found = stretches([Run(HOUR, (DAY,), 40)], [Run(0, (DAY,), 40)], END)
    assert told(found) == [(25, 24, 30)]


def test_schedules_without_anything_in_common_end_the_comparison() -> None:
    """So many stretches say enough."""
    found = stretches([Run(0, (7 * SECOND,), 100_000)], [Run(0, (11 * SECOND,), 100_000)], END)
    assert len(found) == MOST


def test_runs_of_a_plan_are_its_instants() -> None:
    """What was driven, one by one; what follows, as a rhythm with its shortest gaps."""
    start = datetime(2027, 1, 1, tzinfo=timezone.utc)
    hour = timedelta(hours=1)
    plan = Plan("it", (Driven((start,)), Follows(start, (hour, hour), 4)))
    assert [instant(run.after + run.gaps[0]) for run in expanded(runs(plan))] == list(plan)
    assert runs(plan)[-1].gaps == (HOUR,)
