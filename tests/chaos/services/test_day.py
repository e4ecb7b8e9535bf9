"""One day of returns on every broker, database, result backend and scheduler."""

import os
from itertools import product
from typing import get_args

import pytest

from .conftest import Play
from .site import Broker, Database, Kind, Results, Scheduler

pytestmark = pytest.mark.services

# Ours is django-celery-beat's, and more: it has its day in test_faults.py, where the database is restarted.
SCHEDULERS = tuple(name for name in get_args(Scheduler) if name != "declared")
ALL = [Kind(*choice) for choice in product(*map(get_args, (Broker, Database, Results)), SCHEDULERS)]
# Of the sixty, fifteen in which any two choices meet: trouble is between two, hardly ever among four.
PAIRS = [
    Kind("memory", "sqlite", "redis", "default"),
    Kind("memory", "postgres", "database", "database"),
    Kind("memory", "sqlite", "database", "redbeat"),
    Kind("fakeredis", "postgres", "redis", "default"),
    Kind("fakeredis", "sqlite", "database", "database"),
    Kind("fakeredis", "postgres", "redis", "redbeat"),
    Kind("redis", "sqlite", "database", "default"),
    Kind("redis", "postgres", "redis", "database"),
    Kind("redis", "postgres", "database", "redbeat"),
    Kind("rabbitmq", "postgres", "database", "default"),
    Kind("rabbitmq", "sqlite", "redis", "database"),
    Kind("rabbitmq", "postgres", "redis", "redbeat"),
    Kind("quorum", "postgres", "redis", "default"),
    Kind("quorum", "postgres", "database", "database"),
    Kind("quorum", "sqlite", "redis", "redbeat"),
]
KINDS = ALL if os.environ.get("REFUNDS_THOROUGH") else PAIRS


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_day_is_the_same_everywhere(play: Play, kind: Kind) -> None:
    """Sixty approved and paid as the payer answers, thirty declined at 18:00, five left, each customer told once."""
    assert "The books are equal." in play("day", kind)
