"""A slow machine and stuck work are two things."""

import pytest

from .pace import LONGEST_CUTOFF_IN, Stuck, TooSlow, Watch, cutoffs


class Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watched(*looks: tuple[float, str]) -> bool:
    """What the last of some looks says; each is an instant and what is left then."""
    clock = Clock()
    watch = Watch(stalled=90, within=600, clock=clock)
    done = False
    for clock.now, left in looks:
        done = watch.look(left)
    return done


def test_work_that_is_done_in_time_is_done() -> None:
    """Nothing is left: nothing more is watched."""
    assert watched((0, "2 left"), (80, "1 left"), (160, ""))


def test_work_that_moves_is_waited_for() -> None:
    """Each change begins the wait for the next one."""
    assert not watched(*((at, f"{600 - at} left") for at in range(0, 599, 89)))


def test_work_that_stands_still_is_stuck() -> None:
    """Ninety seconds without a change are a fault of the work, whatever the machine."""
    with pytest.raises(Stuck, match="nothing has moved for 90 s; left: 1 left"):
        watched((0, "2 left"), (30, "1 left"), (119, "1 left"), (120, "1 left"))


def test_work_that_moves_for_too_long_is_slow() -> None:
    """The machine is too slow; nothing says that the work is wrong."""
    with pytest.raises(TooSlow, match="work still moved after 600 s; left: 1 left"):
        watched(*((at, f"{601 - at} left") for at in range(0, 601, 60)))


def test_each_cutoff_gives_twice_the_time_up_to_a_limit() -> None:
    """A machine under load gets more time before the cutoff, and the last try gets the longest."""
    assert list(cutoffs()) == [15, 30, 60, LONGEST_CUTOFF_IN]
    assert list(cutoffs(60)) == [60, LONGEST_CUTOFF_IN]
    assert list(cutoffs(LONGEST_CUTOFF_IN)) == [LONGEST_CUTOFF_IN]
