"""What a storm is to be like, from its command line."""

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass

STORM = "Refunds through a spoilt connection, with workers that keep being killed; then both books are compared."


@dataclass(frozen=True)
class Options:
    """What a storm is to be like."""

    refunds: int
    faults: float
    seed: int
    kill_every: float
    within: float
    rate: str
    database: str


def options(arguments: Sequence[str]) -> Options:
    """From the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.stripe.storm", description=STORM)
    parser.add_argument("--refunds", type=int, default=10_000)
    parser.add_argument("--faults", type=float, default=0.3, help="share of the calls that are spoilt (default: 0.3)")
    parser.add_argument("--seed", type=int, help="of amounts, faults and kills (default: another each time)")
    parser.add_argument("--kill-every", type=float, default=5.0, metavar="SECONDS", help="0 for never (default: 5)")
    parser.add_argument("--within", type=float, default=1800.0, metavar="SECONDS", help="then it has failed")
    parser.add_argument("--rate", default="", help="calls to the provider, such as 50/s (default: no limit)")
    parser.add_argument("--database", default="", metavar="URL", help="empty (default: a SQLite file of its own)")
    found = parser.parse_args(arguments)
    if found.seed is None:
        found.seed = random.randrange(1_000_000)
    return Options(**vars(found))
