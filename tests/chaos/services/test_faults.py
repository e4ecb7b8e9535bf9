"""Whatever breaks, the books are equal: each scenario of trouble on the deployments that it tells most of."""

import pytest

from .conftest import Play
from .site import Kind

pytestmark = pytest.mark.services

SCENARIOS = [
    ("processes", Kind("redis", "postgres")),
    ("processes", Kind("quorum", "postgres", scheduler="redbeat")),
    ("processes", Kind("fakeredis", "sqlite")),
    ("redis", Kind("redis", "postgres", own=True)),
    ("rabbitmq", Kind("rabbitmq", "sqlite")),
    ("rabbitmq", Kind("quorum", "postgres")),
    # A beat whose schedule is in the database meets all that happens to that.
    ("postgres", Kind("redis", "postgres", scheduler="declared", own=True)),
    ("messages", Kind("redis", "postgres")),
    ("messages", Kind("quorum", "postgres")),
    ("two-beats", Kind("redis", "postgres", scheduler="declared")),
    ("beat-down", Kind("rabbitmq", "postgres")),
    ("last-moment", Kind("redis", "postgres")),
    ("last-moment", Kind("fakeredis", "sqlite")),
    ("ten-admins", Kind("redis", "postgres")),
]


@pytest.mark.parametrize(("scenario", "kind"), SCENARIOS, ids=str)
def test_nothing_is_lost_and_nothing_done_twice(play: Play, scenario: str, kind: Kind) -> None:
    """Every request is in one state, each approved one has its one refund, the sums are equal, one decline a day."""
    assert "The books are equal." in play(scenario, kind)


def test_a_short_soak(soak: Play) -> None:
    """Days of random faults by a seed, on random deployments, end with equal books; the seed is printed."""
    said = soak("--days", "2", "--seed", "5")
    assert "seed 5" in said
    assert "2 days, all books equal." in said
