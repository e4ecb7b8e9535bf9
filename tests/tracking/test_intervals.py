"""When the outcome of a refund that is under way is looked up."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from refunds.tracking.intervals import LONGEST_WAIT, SHORTEST_WAIT, wait_for_look_up

MINUTE = timedelta(minutes=1)


def test_look_ups_come_at_growing_intervals() -> None:
    """1, 2, 4 … 256 and 512 minutes after the acceptance, then every six hours."""
    ages = [timedelta(0)]
    for _ in range(14):
        ages.append(ages[-1] + wait_for_look_up(ages[-1]))
    doubling = [MINUTE * 2**number for number in range(10)]
    assert ages[1:] == [*doubling, *(doubling[-1] + LONGEST_WAIT * number for number in range(1, 5))]


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_a_wait_never_shrinks_and_never_ends_the_look_ups(age: timedelta, more: timedelta) -> None:
    """Whatever two clocks say, the next look-up comes within six hours, and not within a minute."""
    wait = wait_for_look_up(age)
    assert SHORTEST_WAIT <= wait <= wait_for_look_up(age + more) <= LONGEST_WAIT
