"""`python -m tests.chaos.services.soak --minutes 10`: days of random faults, one after the other, each by its own seed.

Each day is on a deployment drawn by the seed, with servers of its own where there may be such, and everything that can
happen to it happens. A day for which the machine is too slow is played again with more time before 18:00, and the days
after it get as much. Exit status 0 where the books of every day are equal, 1 with the day that went wrong, 2 where the
machine was too slow for any day although no audit failed.
"""

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from ..pace import CUTOFF_IN, EQUAL, TOO_SLOW, WRONG, cutoffs
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
# Plays a scenario with these words of a command line; returns its exit status.
Play = Callable[[str], int]


def main(arguments: Sequence[str]) -> int:
    """Soak for so long, say what each day did, and return the exit status."""
    chosen = _options(arguments)
    if lack := next(filter(None, (kind.lacks() for kind in KINDS)), ""):
        _say(lack)
        return WRONG
    return soak(chosen, _play, time.monotonic)


def soak(chosen: argparse.Namespace, play: Play, clock: Callable[[], float]) -> int:
    """Play days until the time is over, or as many as were asked for, and return the exit status."""
    draw, days, cutoff_in = random.Random(chosen.seed), 0, CUTOFF_IN
    ends = clock() + 60 * chosen.minutes
    _say(f"seed {chosen.seed}")
    while days < chosen.days or (not chosen.days and clock() < ends):
        words = f"everything {' '.join(draw.choice(KINDS).options())} --seed {draw.randrange(1_000_000)}"
        status, cutoff_in = _day(words, play, cutoff_in)
        if status == TOO_SLOW:
            _say(f"The machine is too slow, even with {cutoff_in:.0f} s to 18:00. No audit failed in {days} days.")
            return TOO_SLOW
        if status != EQUAL:
            _say(f"day {days + 1} went wrong, see above; again: python -m tests.chaos.services.play {words}")
            return WRONG
        days += 1
    _say(f"{days} days, all books equal. seed {chosen.seed}")
    return EQUAL


def _day(words: str, play: Play, first: float) -> tuple[int, float]:
    """The exit status of a day, and the seconds to 18:00 with which it was played last."""
    status, cutoff_in = TOO_SLOW, first
    for cutoff_in in cutoffs(first):
        status = play(f"{words} --cutoff-in {cutoff_in:g}")
        if status != TOO_SLOW:
            break
    return status, cutoff_in


def _play(words: str) -> int:
    return subprocess.call([sys.executable, "-P", "-m", "tests.chaos.services.play", *words.split()])


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.services.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="to begin new days (default: 10)")
    parser.add_argument("--days", type=int, default=0, help="so many instead of minutes")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of deployments, amounts, faults")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
