"""The choice among the deployments is made by hand, and checked."""

from collections.abc import Sequence
from itertools import combinations, product

from .test_day import ALL, PAIRS


def test_any_two_choices_meet() -> None:
    """Each broker meets each database, result backend and scheduler, and so on, in one of the deployments chosen."""

    def pairs(kinds: Sequence[tuple[str, ...]]) -> set[tuple[int, str, int, str]]:
        return {
            (one, kind[one], other, kind[other]) for kind, (one, other) in product(kinds, combinations(range(4), 2))
        }

    chosen, every = (
        [(kind.broker, kind.database, kind.results, kind.scheduler) for kind in kinds] for kinds in (PAIRS, ALL)
    )
    assert pairs(chosen) == pairs(every)
    assert len(ALL) == 60
