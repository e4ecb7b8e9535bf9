"""`python -m tests.services.soak --minutes 10`: days of random faults, one after the other, each by its own seed.

Each day is on a deployment drawn by the seed, with servers of its own where there may be such, and everything that can
happen to it happens. Exit status 0 where the books of every day are equal, 1 with the day that went wrong.
"""

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Sequence

from .play import CUTOFF_IN, TOO_SLOW
from .site import Kind

# What a day may be on: each with processes that can be killed. SQLite has no server to stop.
KINDS = (
    Kind("redis", "postgres", own=True),
    Kind("redis", "postgres", scheduler="declared", own=True),
    Kind("redis", "sqlite", own=True),
    Kind("rabbitmq", "postgres", own=True),
    Kind("quorum", "postgres", scheduler="redbeat", own=True),
    Kind("quorum", "sqlite", results="database", own=True),
    Kind("fakeredis", "postgres", own=True),
)
# Seconds to 18:00, tried one after the other on a machine that is too slow for the day.
TRIES = (CUTOFF_IN, 2 * CUTOFF_IN, 4 * CUTOFF_IN)


def main(arguments: Sequence[str]) -> int:
    """Soak for so long, say what each day did, and return the exit status."""
    chosen = _options(arguments)
    draw, days = random.Random(chosen.seed), 0
    ends = time.monotonic() + 60 * chosen.minutes
    _say(f"seed {chosen.seed}")
    while days < chosen.days or (not chosen.days and time.monotonic() < ends):
        kind, seed = draw.choice(KINDS), draw.randrange(1_000_000)
        if lack := kind.lacks():
            _say(lack)
            return 1
        status = _day(kind, seed)
        if status:
            _say(f"day {days + 1} went wrong, see above; again: python -m tests.services.play {_words(kind, seed)}")
            return 1
        days += 1
    _say(f"{days} days, all books equal. seed {chosen.seed}")
    return 0


def _day(kind: Kind, seed: int) -> int:
    status = TOO_SLOW
    for cutoff_in in TRIES:
        if status == TOO_SLOW:
            command = f"{_words(kind, seed)} --cutoff-in {cutoff_in}"
            status = subprocess.call([sys.executable, "-P", "-m", "tests.services.play", *command.split()])
    return status


def _words(kind: Kind, seed: int) -> str:
    return f"everything {' '.join(kind.options())} --seed {seed}"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.services.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="to begin new days (default: 10)")
    parser.add_argument("--days", type=int, default=0, help="so many instead of minutes")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of deployments, amounts, faults")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
