"""All ways by turns, and the tables of how many times the rate of each this project's is."""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from ..report import Figure, Table, short, spread
from ..servers import redis
from ..stage import Postgres
from . import running
from .running import WARM, Run
from .ways import OTHERS, OURS, Way

# So many times the rows in the second table: what this project spends on each press is little there.
MORE = 10
# Milliseconds in a second.
MILLI = 1_000
NOTE = """Each has two worker processes here, and a table of nothing but pending returns; approving and owing alone, no
paying. Tutorials' projects have the settings of Celery's First steps with Django, and results in Redis. Where there is
no ORM, a row is one statement. Workers are started as their documentation says, with what it has for many short jobs
(benchmarks/peers/ways.py). A way that is given a part of the rows says so; its seconds are those of all rows."""
RATES = """Each line but the first: this project in the same rounds, ÷ the rate of the way that the line names."""
HELD = """From the press until the request can be answered, ÷ this project's in the same rounds."""


def compare(rows: int, rounds: int) -> Iterator[Table]:
    """Yield this project with `rows` and with ten times as many, beside each of the others. Raises Skipped."""
    stage = Postgres()
    with redis():
        pass  # before minutes are spent
    ways = [way for way in OTHERS if not way.lacks]
    now = datetime.now(UTC)
    # After the next cut-off, which a long run may pass: what was received before the last one is not approved.
    received = now + timedelta(days=1)
    with (
        stage.stocked("peers", 0, now) as empty,
        stage.pending(empty, "few", 1, WARM + rows, received) as few,
        stage.pending(empty, "many", 1, WARM + rows * MORE, received) as many,
    ):
        found: dict[str, list[Run]] = defaultdict(list)
        ours_of_many = []
        for _ in range(rounds):
            found[OURS.name].append(running.run(OURS, stage, few, rows))
            ours_of_many.append(running.run(OURS, stage, many, rows * MORE))
            for way in ways:
                found[way.name].append(running.run(way, stage, few, max(1, rows // way.share)))
    yield rates(rows, rows, found[OURS.name], found)
    yield rates(rows * MORE, rows, ours_of_many, found)
    yield held(rows, found)


def rates(our_rows: int, rows: int, ours: Sequence[Run], found: Mapping[str, Sequence[Run]]) -> Table:
    """This project with `our_rows` beside what was found of the others with `rows`, or their part of them."""
    mine = [run.rate for run in ours]
    figures = [Figure(OURS.name, mine, unit="rows/s", more=_more(ours, our_rows))]
    figures += [
        Figure(way.name, mine, [run.rate for run in found[way.name]], "rows/s", way.goal, _more(found[way.name], rows))
        for way in OTHERS
        if way.name in found
    ]
    return Table(f"{our_rows:,} returns approved by this project, beside other ways", figures, f"{RATES} {_note()}")


def held(rows: int, found: Mapping[str, Sequence[Run]]) -> Table:
    """How long each holds the admin's request."""
    times = {name: [run.held * rows / run.rows * MILLI for run in runs] for name, runs in found.items()}
    ours = times[OURS.name]
    figures = [Figure(OURS.name, ours, unit="ms")]
    figures += [Figure(way.name, times[way.name], ours, "ms") for way in OTHERS if way.name in times]
    return Table(f"The admin's request held, with {rows:,} returns", figures, f"{HELD} {_note()}")


def _more(runs: Sequence[Run], rows: int) -> dict[str, str]:
    """Its own figures; the seconds of a part of the rows as those of all of them."""
    total = statistics.median(run.total * rows / run.rows for run in runs)
    return {
        "its rows/s": spread([run.rate for run in runs]),
        "all decided after": f"{short(total)} s",
        "rows": f"{runs[0].rows:,}",
    }


def _note() -> str:
    return f"{NOTE}{_lacking()}"


def _lacking() -> str:
    lacking: dict[str, list[Way]] = defaultdict(list)
    for way in OTHERS:
        if way.lacks:
            lacking[way.lacks].append(way)
    return "".join(
        f"\nLeft out, because {package} is not installed: {', '.join(way.name for way in ways)}."
        for package, ways in lacking.items()
    )
