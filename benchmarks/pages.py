"""Each page of the admin among a million rows on PostgreSQL: milliseconds and statements.

A process plays a day by the app's own operations: it presses the button, decides half of the sweep and then all of it,
pays, declines the next returns, and undoes half of another sweep. In between it asks for the pages.
`python -m benchmarks.pages ROWS RUNS` is that process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Final

from .report import Figure, Table, short
from .run import Options, prepare
from .stage import Postgres

ROWS: Final = 1_000_000
RUNS: Final = 3  # of each page, in each round
# Milliseconds for a page, and for the banner, which is on each of them.
PAGE_GOAL, BANNER_GOAL = 200, 5
NOTE = (
    "Django's client in one process, after two runs that are not counted. The cache is cleared before each run, unless "
    "the line says `kept`. `processor` is the least that a run took of it, here and in PostgreSQL, which has no "
    "parallel workers. While half of a sweep is open, nothing has been vacuumed since it began."
)


def measure(options: Options) -> Iterator[Table]:
    """A table for each scene of the day. Raises Skipped without PostgreSQL."""
    stage, rows = Postgres(), options.rows or ROWS
    with ExitStack() as stack:
        stack.enter_context(stage.stocked("pages", options.decided, datetime.now(UTC)))
        path = os.pathsep.join(filter(None, sys.path))
        command = [sys.executable, "-m", __name__, str(rows), str(options.rounds * RUNS)]
        # Without parallel workers, whose processor time nobody could tell.
        serial = "-c max_parallel_workers_per_gather=0"
        environment = os.environ | {"DATABASE_URL": stage.url("pages"), "PYTHONPATH": path, "PGOPTIONS": serial}
        played = stack.enter_context(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        for line in played.stdout or ():
            scene, looks = json.loads(line)
            title = f"Pages on PostgreSQL, {scene}: {rows:,} rows among {options.decided:,} decided"
            yield Table(title, [_figure(*look) for look in looks], NOTE)
    if played.returncode:
        raise subprocess.CalledProcessError(played.returncode, command)


def _figure(name: str, runs: list[float], statements: int, processor: float) -> Figure:
    more = {"statements": str(statements), "processor": f"{short(processor)} ms"}
    return Figure(name, runs, unit="ms", goal=BANNER_GOAL if name.startswith("banner") else PAGE_GOAL, more=more)


def main(rows: int, runs: int) -> None:
    """Play the day, and print each scene as JSON: its name, and its looks."""
    prepare()
    from .day import play  # imports models, which want Django's settings
    from .looks import Operator

    operator = Operator(runs)
    for scene in play(operator, rows):
        print(json.dumps([scene, operator.looks]), flush=True)
        operator.looks = []


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
