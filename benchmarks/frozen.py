"""What a frozen set costs on PostgreSQL: import, page, press, plan and chunks, beside those without the snapshot.

The reference is a database without the column `added_in`, whose sets are frozen by the highest id
alone, as before. A process of its own works on each database, in turns: `python -m benchmarks.frozen WAY ROWS`.

Timed is processor time, the process's and that of its backend of PostgreSQL, which must be on this machine, a Linux:
other work on the machine is not in it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib import import_module
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

import psycopg

from .report import Figure, Skipped, Table
from .run import Options, prepare
from .stage import Postgres, migrate

SIZES = (100_000, 1_000_000)
# Rows that are imported, and chunks that are decided, of each database in each round; pages and presses.
IMPORTED, CHUNKS, TIMES = 100_000, 20, 15
# An odd constant whose products scatter: keys come in no order, as hashes do.
SCATTER: Final = 0x9E3779B97F4A7C15
WITH, WITHOUT = "with", "without"
KINDS: Final = {
    "page": "a page's two statements",
    "press": "a press: one sweep",
    "plan": "a sweep's plan",
    "chunk": "a chunk of 5,000, approved",
    "import": "a batch of 5,000, imported",
}


def measure(options: Options) -> Iterator[Table]:
    """A table for each number of pending rows; one line where there is no PostgreSQL."""
    try:
        place = Postgres()
    except Skipped as reason:
        yield Table("A frozen set", (), f"Skipped: {reason}")
        return
    for size in SIZES if options.rows is None else (options.rows,):
        yield _measure(place, size, options)


def _measure(place: Postgres, size: int, options: Options) -> Table:
    found: dict[str, dict[str, list[float]]] = {way: {kind: [] for kind in KINDS} for way in (WITHOUT, WITH)}
    with ExitStack() as stack:
        for way in found:
            stack.enter_context(_stocked(place, way, size, options.decided))
        for number in range(options.rounds):
            # Who goes first in one round goes last in the next.
            for way in list(found)[:: 1 if number % 2 else -1]:
                with place.copied(way, "run") as url:
                    for kind, seconds in _worked(url, way).items():
                        found[way][kind].append(median(seconds) * 1_000)
    figures = [
        figure
        for kind, name in KINDS.items()
        for figure in (
            Figure(f"{name}, highest id alone", found[WITHOUT][kind], unit="ms"),
            Figure(f"{name}, with the snapshot", found[WITH][kind], found[WITHOUT][kind], unit="ms"),
        )
    ]
    title = f"A frozen set on PostgreSQL: {size:,} pending among {options.decided:,} decided"
    return Table(title, figures, "Processor time: the median of each round, without the first of each kind.")


@contextmanager
def _stocked(place: Postgres, way: str, size: int, decided: int) -> Iterator[None]:
    now = datetime.now(UTC)
    place.create(way)
    try:
        migrate(place.url(way))
        if way == WITHOUT:
            _undo(place.url(way))
        place.fill(way, decided, now)
        place.add(way, decided + 1, size, now)
        yield
    finally:
        place.drop(way)


def _undo(url: str) -> None:
    """Take the column away, and from the index of pending rows, while the table is empty."""
    prepare()
    index: str = import_module("refunds.migrations.0001_initial").INDEX % ""
    with psycopg.connect(url) as session:
        for statement in ("ALTER TABLE refunds_returnrequest DROP COLUMN added_in", index):
            session.execute(statement.encode())


def _worked(url: str, way: str) -> dict[str, list[float]]:
    """Seconds of each thing that a process does to a database."""
    environment = os.environ | {"DATABASE_URL": url, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", __name__, way, str(IMPORTED)]
    done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True)
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def main(way: str, imported: int) -> None:
    """Do everything to the database that DATABASE_URL names, and print the seconds of each time as JSON."""
    prepare()
    from django.db import connection
    from django.utils import timezone

    from refunds.domain.returns import Decision
    from refunds.frozen import freeze
    from refunds.models import Chunk
    from refunds.operations import button, decisions, sweeps

    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # all work is the backend's own
    now = timezone.now()
    show = (lambda: decisions.preview(Decision.APPROVE, now)) if way == WITH else (lambda: _old_page(now))
    frozen = freeze() if way == WITH else _highest()
    started = [button.start_approve(key=f"k{time}", frozen=frozen, by=None, now=now)[0] for time in range(2)]
    pressed = iter(range(2, TIMES + 3))
    found = {
        "page": _timed(show, TIMES),
        "press": _timed(lambda: button.start_approve(key=f"k{next(pressed)}", frozen=frozen, by=None, now=now), TIMES),
        "plan": _timed(lambda: sweeps.plan_sweep(started.pop().pk, now), 1),
    }
    last = Chunk.objects.latest("pk").sweep_id
    chunks = list(Chunk.objects.filter(sweep=last).order_by("-pk").values_list("pk", flat=True))
    found["chunk"] = _timed(lambda: sweeps.decide_chunk(chunks.pop(), now), min(CHUNKS, len(chunks)) - 1)
    found["import"] = list(_imported(imported, now))
    print(json.dumps(found))


def _highest() -> Any:
    from django.db.models import Max

    from refunds.domain.sweeps import Frozen
    from refunds.models import ReturnRequest

    return Frozen(ReturnRequest.objects.aggregate(highest=Max("pk"))["highest"])


def _old_page(now: datetime) -> object:
    from django.db.models import Q

    from refunds import queries
    from refunds.domain import cutoff
    from refunds.domain.sweeps import Scope

    return queries.totals(queries.pending(Scope(_highest().up_to_id)), Q(received_at__gte=cutoff.latest(now)))


def _imported(count: int, now: datetime) -> Iterator[float]:
    """Seconds of each batch of rows that differ."""
    from refunds.importing import importer
    from refunds.importing.files import Return, Row

    def row(n: int) -> Row:
        content = Return(f"{n}/1", 1, 1250, "GBP", "too small", f"c-{n}", f"c{n}@example.com", now, "")
        return Row(n, f"{n * SCATTER % 2**64:016x}".ljust(64, "f"), content)

    rows = map(row, range(1, count + importer.BATCH + 1))
    for number in range(count // importer.BATCH + 1):
        batch = list(islice(rows, importer.BATCH))
        began = _spent()
        importer.import_rows(batch, now=now, on_rejected=print)
        if number:
            yield _spent() - began


def _timed(act: Callable[[], object], times: int) -> list[float]:
    seconds = []
    for _ in range(times + 1):
        began = _spent()
        act()
        seconds.append(_spent() - began)
    return seconds[1:]


def _spent() -> float:
    """Seconds of processor that this process and its backend have had."""
    from django.db import connection

    connection.ensure_connection()
    backend = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    return time.process_time() + int(backend.read_text().split()[0]) / 1e9


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
