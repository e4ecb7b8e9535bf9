"""`python -m tests.chaos.services.play SCENARIO`: one scenario, one deployment, real processes, the real clock.

Exit status 0 where the books are equal at the end, 1 with what is wrong, 2 where the machine was too slow for the day:
then nothing was found wrong, and not all was looked at.
"""

import argparse
import math
import os
import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, get_args

from ..pace import CUTOFF_IN, EQUAL, TOO_SLOW, WRONG
from .site import Broker, Database, Kind, Results, Scheduler, Site, site
from .turned import turn

SCENARIOS = (
    "beat-down",
    "day",
    "everything",
    "last-moment",
    "messages",
    "postgres",
    "processes",
    "rabbitmq",
    "redis",
    "ten-admins",
    "two-beats",
)


def main(arguments: Sequence[str]) -> int:
    """Play it, say what happened, and return the exit status."""
    chosen = _options(arguments)
    kind = Kind(chosen.broker, chosen.database, chosen.results, chosen.scheduler, own=chosen.own)
    if lack := kind.lacks():
        _say(lack)
        return WRONG
    folder = Path(mkdtemp(prefix="refunds-play-"))
    with site(kind, folder) as standing:
        status = _play(chosen, standing, folder)
    if status in (EQUAL, TOO_SLOW):
        rmtree(folder)
    else:
        _say(f"What the processes said: {folder}")
    return status


def _play(chosen: argparse.Namespace, standing: Site, folder: Path) -> int:
    cutoff = datetime.fromtimestamp(math.ceil(datetime.now(UTC).timestamp() + chosen.cutoff_in), UTC)
    os.environ.update(standing.environment(folder, **_settings(chosen.scenario)) | turn(folder, cutoff))
    from .app import app  # sets Django up, so it comes first
    from .scenario import perform  # isort: skip

    from .stage import Stage

    said = perform(chosen.scenario, app, Stage(standing, cutoff, random.Random(chosen.seed), folder))
    _say(f"{chosen.scenario} on {standing.kind}, seed {chosen.seed}")
    _say("\n".join(said.lines))
    for problem in said.problems:
        _say(f"PROBLEM: {problem}")
    if said.problems:
        return WRONG
    if said.too_slow:
        _say(f"The machine is too slow, and the audit found nothing wrong so far: {said.too_slow}.")
        _say(f"Give --cutoff-in more than {chosen.cutoff_in:.0f}, or stop what else runs here.")
        return TOO_SLOW
    _say("The books are equal.")
    return EQUAL


def _settings(scenario: str) -> dict[str, Any]:
    if scenario == "day":
        return {"chunk_rows": 25, "payer": "tests.chaos.services.payer.Moody", "attempts": 2}
    # A kill is an attempt as well: bad luck must not look like a refund that is given up.
    return {"chunk_rows": 50, "payer": "wallet", "attempts": 40}


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.services.play", description=__doc__)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--broker", choices=get_args(Broker), default="redis")
    parser.add_argument("--database", choices=get_args(Database), default="postgres")
    parser.add_argument("--results", choices=get_args(Results), default="redis")
    parser.add_argument("--scheduler", choices=get_args(Scheduler), default="default")
    parser.add_argument("--own", action="store_true", help="servers of its own, which a scenario may stop")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of amounts and faults")
    parser.add_argument("--cutoff-in", type=float, default=CUTOFF_IN, metavar="SECONDS", help="from the start to 18:00")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
