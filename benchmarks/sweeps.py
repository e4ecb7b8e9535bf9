"""Approve-all and decline-all among decided returns, from the click to the last row, beside one raw statement.

The button is pressed in a real gunicorn, beat's message is sent as beat sends it, and real Celery workers decide, which
have run a task before. The statement makes the same writes to the same tables. All take turns, on equal copies.
"""

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from . import servers, stage
from .browser import PAGE
from .measure import Real
from .messages import send, warm
from .processes import worker
from .report import Figure, Skipped, Table
from .run import Options, prepare
from .sessions import ask, ask_once, connect, transaction
from .web import web

SIZES = (10_000, 100_000, 1_000_000)
# Rows a chunk that are tried besides the project's own.
CHUNKS = (1_000, 2_500, 10_000, 20_000)
# Of the statement's time, from a million rows on, by worker processes; SQLite has one writer at a time.
GOALS: Mapping[str, Mapping[int, float]] = {"PostgreSQL": {1: 1.05, 2: 0.75}, "SQLite": {1: 1.15}}
GOAL_ROWS = 1_000_000
# MiB by which the peaks at the most and at the fewest rows may differ.
FLAT = 5
# Of the time for a row at a tenth of the rows.
LINEAR = 1.15

APPROVED = """UPDATE refunds_returnrequest
    SET status = 'approved', decided_at = '{at}', sweep_id = 1, own_refund_id = id
    WHERE status = 'requested'"""
OWED = """INSERT INTO refunds_refund (request_id, amount_minor, currency, status, created_at, attempts, due_at,
    dispatched_at, receipt, failure) SELECT id, amount_minor, currency, 'pending', '{at}', 0, '{at}', '{at}', '', ''"""
DECLINED = """UPDATE refunds_returnrequest SET status = 'declined', decided_at = '{at}', sweep_id = 2
    WHERE status = 'requested'"""
STATEMENTS: Mapping[tuple[str, str], Sequence[str]] = {
    ("PostgreSQL", "approve"): (
        f"WITH decided AS ({APPROVED} RETURNING id, amount_minor, currency) "
        # An instant of a SELECT is text, unless it says what it is.
        + OWED.replace("'{at}'", "timestamptz '{at}'")
        + " FROM decided",
    ),
    # SQLite has no statement that does both.
    ("SQLite", "approve"): (
        APPROVED,
        f"{OWED} FROM refunds_returnrequest WHERE status = 'approved' AND id >= {{first}}",
    ),
    ("PostgreSQL", "decline"): (DECLINED,),
    ("SQLite", "decline"): (DECLINED,),
}
CLOSED = "SELECT 1 FROM refunds_sweep WHERE id > 2 AND closed_at IS NOT NULL"
RAW = "one statement"


@dataclass(frozen=True)
class Run:
    """Seconds from the click to the last row; MiB that a process of the worker, and of the web, held at most."""

    seconds: float
    worker: float = 0.0
    web: float = 0.0


@dataclass(frozen=True)
class Way:
    """So many worker processes, in chunks of another size than the project's where one is given."""

    processes: int
    chunk_rows: int | None = None

    def __str__(self) -> str:
        size = "" if self.chunk_rows is None else f", {self.chunk_rows:,} rows a chunk"
        return f"worker of {self.processes}{size}"


def measure(options: Options) -> Iterator[Table]:
    """Tables for each database, decision and number of rows; a database whose server is missing says so.

    Raises Skipped without Redis.
    """
    prepare()
    for name, opened in stage.PLACES.items():
        try:
            with servers.redis() as broker, opened() as place:
                yield from _tables(place, options, broker)
        except Skipped as reason:
            yield Table(f"Approve-all on {name}", (), f"Skipped: {reason}")


def _tables(place: stage.Stage, options: Options, broker: str) -> Iterator[Table]:
    most = SIZES[-1] if options.rows is None else options.rows
    sizes = SIZES if options.rows is None else sorted({max(1, most // 100), max(1, most // 10), most})
    with place.stocked("stock", options.decided, datetime.now(UTC)):
        for kind in ("approve", "decline"):
            found: dict[int, dict[str, list[Run]]] = {}
            for size in sizes:
                # Sizes of chunks are compared where there are many.
                chunks = CHUNKS if (kind, size) == ("approve", most) else ()
                turn = Turn(place, kind, size, options, broker)
                found[size] = turn.rounds([Way(1), Way(2), *(Way(1, rows) for rows in chunks)])
                yield _table(turn, found[size])
            yield _growth(place, kind, found)


@dataclass(frozen=True)
class Turn:
    """One decision on one number of rows."""

    place: stage.Stage
    kind: str
    size: int
    options: Options
    broker: str

    @property
    def first(self) -> int:
        """The id of the first pending row."""
        return self.options.decided + 1

    def rounds(self, ways: Sequence[Way]) -> dict[str, list[Run]]:
        """The statement and all ways by turns, by their names."""
        now = datetime.now(UTC)
        # What is to be declined came before the last cut-off, whatever the hour; what is to be approved, after it.
        received_at = now - timedelta(days=2) if self.kind == "decline" else now
        found: dict[str, list[Run]] = defaultdict(list)
        with self.place.pending("stock", "pending", self.first, self.size, received_at):
            for _ in range(self.options.rounds):
                with self.place.copied("pending", "run") as url:
                    statements = STATEMENTS[self.place.name, self.kind]
                    found[RAW].append(Run(transaction(url, statements, now, self.first)))
                    self._check(url)
                for way in ways:
                    with self.place.copied("pending", "run") as url:
                        found[str(way)].append(self._work(url, way))
                        self._check(url)
        return found

    def _work(self, url: str, way: Way) -> Run:
        path = os.pathsep.join(filter(None, sys.path))
        environment = os.environ | {"DATABASE_URL": url, "CELERY_BROKER_URL": self.broker, "PYTHONPATH": path}
        sized = {} if way.chunk_rows is None else {"REFUNDS_BENCH_TUNED": json.dumps({"CHUNK_ROWS": way.chunk_rows})}
        session = connect(url)
        try:
            with (
                web(environment, workers=1) as site,
                worker(environment | sized, way.processes, "decisions") as running,
            ):
                warm(self.broker, running, way.processes, "refunds.plan_sweep", {"sweep_id": 1})
                browser = site.browser()
                page = browser.get(PAGE)
                began = Real.clock()
                if self.kind == "approve":
                    browser.press(page)
                else:
                    send(self.broker, "refunds.decline_pending", [{}])
                pressed = Real.clock() - began
                return Run(pressed + running.wait(lambda: ask(session, CLOSED)), running.peak, site.peak)
        finally:
            session.close()

    def _check(self, url: str) -> None:
        """Raises RuntimeError where not each row has its decision, and its refund or none."""
        status = {"approve": "approved", "decline": "declined"}[self.kind]
        rows = f"FROM refunds_returnrequest WHERE id >= {self.first} AND status = '{status}'"
        decided = ask_once(url, f"SELECT count(*) {rows}")
        refunds = ask_once(url, f"SELECT count(*) FROM refunds_refund WHERE request_id >= {self.first}")
        if (decided, refunds) != ((self.size,), (self.size if self.kind == "approve" else 0,)):
            raise RuntimeError(f"{decided} of {self.size:,} rows were {status}, with {refunds} refunds")


def _table(turn: Turn, found: Mapping[str, Sequence[Run]]) -> Table:
    raw = [run.seconds for run in found[RAW]]
    goals = GOALS[turn.place.name] if turn.size >= GOAL_ROWS else {}
    names = {str(Way(processes)): goal for processes, goal in goals.items()}
    figures = []
    for name, runs in found.items():
        seconds = [run.seconds for run in runs]
        rate = {"rows/s": f"{turn.size / median(seconds):,.0f}"}
        figures.append(Figure(name, seconds, () if name == RAW else raw, goal=names.get(name), more=rate))
    title = f"{turn.kind.capitalize()}-all of {turn.size:,} rows on {turn.place.name}"
    return Table(f"{title}, among {turn.options.decided:,} decided", figures)


def _growth(place: stage.Stage, kind: str, found: Mapping[int, Mapping[str, Sequence[Run]]]) -> Table:
    """What grows with the rows, and what does not."""
    few, many = min(found), max(found)
    figures = []
    for processes in (1, 2):
        way = str(Way(processes))
        for who in ("worker", "web"):
            least, most = ([getattr(run, who) for run in found[size][way]] for size in (few, many))
            grown = [high - low for low, high in zip(least, most, strict=True)]
            peak = {"peak": f"{median(most):.0f} MiB"}
            figures.append(Figure(f"{who}'s memory, {way}", grown, unit="MiB", goal=FLAT, more=peak))
    for size in sorted(found)[1:]:
        less = max(each for each in found if each < size)
        each = {rows: [run.seconds / rows * 1e6 for run in found[rows][str(Way(1))]] for rows in (less, size)}
        goal = LINEAR if size >= GOAL_ROWS else None
        figures.append(Figure(f"µs a row at {size:,} by {less:,} rows", each[size], each[less], "µs", goal))
    return Table(f"{kind.capitalize()}-all on {place.name}: {many:,} rows beside {few:,}", figures)
