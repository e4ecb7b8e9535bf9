"""What a soak makes of days that are equal, wrong, or too much for the machine; no server is asked."""

from argparse import Namespace

import pytest

from ..pace import CUTOFF_IN, EQUAL, LONGEST_CUTOFF_IN, TOO_SLOW, WRONG
from .soak import soak


class Days:
    """Plays days as they are told to end, each of which takes a minute."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.cutoffs: list[float] = []
        self.now = 0.0

    def play(self, words: str) -> int:
        self.now += 60
        self.cutoffs.append(float(words.rpartition(" ")[2]))
        return self.statuses.pop(0)

    def clock(self) -> float:
        return self.now


def soaked(days: Days, minutes: float = 3) -> int:
    return soak(Namespace(minutes=minutes, days=0, seed=5), days.play, days.clock)


def test_equal_days_end_when_the_time_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0, and the seed by which all of it can be had again."""
    assert soaked(Days(EQUAL, EQUAL, EQUAL)) == EQUAL
    assert capsys.readouterr().out == "seed 5\n3 days, all books equal. seed 5\n"


def test_a_failed_audit_ends_the_soak_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, and the words that play the day again."""
    days = Days(EQUAL, WRONG, EQUAL)
    assert soaked(days) == WRONG
    assert days.statuses == [EQUAL]
    assert (
        "day 2 went wrong, see above; again: python -m tests.chaos.services.play everything" in capsys.readouterr().out
    )


def test_a_slow_machine_gets_more_time_and_keeps_it() -> None:
    """The cutoff that a machine under load can keep is found once, not on each day again."""
    days = Days(TOO_SLOW, TOO_SLOW, EQUAL, EQUAL)
    assert soaked(days, minutes=4) == EQUAL
    assert days.cutoffs == [CUTOFF_IN, 2 * CUTOFF_IN, 4 * CUTOFF_IN, 4 * CUTOFF_IN]


def test_a_machine_that_is_too_slow_is_no_failed_audit(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and words that blame the machine."""
    days = Days(EQUAL, *[TOO_SLOW] * 4)
    assert soaked(days, minutes=60) == TOO_SLOW
    assert days.cutoffs[-1] == LONGEST_CUTOFF_IN
    said = capsys.readouterr().out
    assert "The machine is too slow, even with 120 s to 18:00. No audit failed in 1 days." in said
