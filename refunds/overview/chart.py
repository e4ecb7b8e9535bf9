"""Lay out the chart of decisions by day: a bar for each day, approved below declined."""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

WIDTH: Final = 40  # of a day, in the units of the picture
HEIGHT: Final = 120  # of the highest bar
BAR: Final = 28


class Bar(NamedTuple):
    """A day's bar: where it begins, and top and height of its two parts."""

    day: date
    left: int
    approved_top: int
    approved: int
    declined_top: int
    declined: int


def bars(days: Sequence[tuple[date, int, int]]) -> list[Bar]:
    """Return a bar for each day, with its counts of approved and declined requests, in proportion to the largest."""
    most = max((approved + declined for _, approved, declined in days), default=0) or 1
    found = []
    for number, (day, approved, declined) in enumerate(days):
        low, high = _height(approved, most), _height(declined, most)
        found.append(Bar(day, number * WIDTH + (WIDTH - BAR) // 2, HEIGHT - low, low, HEIGHT - low - high, high))
    return found


def _height(count: int, most: int) -> int:
    """Return the height, at least 1 where there is anything to show."""
    return max(1, HEIGHT * count // most) if count else 0
