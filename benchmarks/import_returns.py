"""A file of returns through the command, beside COPY and executemany of the same parsed rows, and its memory.

Each into an equal, migrated database: the command as a process, from its start to its end, for new rows and then for
the same file again; the reference in one transaction, into the same columns under the same constraints. Parsing is not
in the reference: it is timed separately.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from . import stage
from .measure import Real, peak
from .report import Figure, Skipped, Table, short
from .run import prepare

if TYPE_CHECKING:
    from .run import Options

SIZES = (100_000, 1_000_000)
HEADER = "order_line,quantity,amount,currency,reason,customer,customer_email,requested_at"
# Rows that the reference is given at a time.
SLICE = 10_000
COLUMNS: LiteralString = """key, order_line, quantity, amount_minor, currency, reason, customer, customer_email,
    requested_at, payment, return_id, received_at, status, decision_note"""
Rows = Sequence[tuple[Any, ...]]
Ways = tuple[Callable[[Rows], object], Callable[[], object]]
# MiB that ten times the rows may take more.
FLAT = 5.0


def write(file: Path, rows: int, *, addresses: bool = True) -> None:
    """Rows that differ, as a shop's would; with the customers' addresses, or none."""
    with file.open("w") as out:
        out.write(f"{HEADER}\n")
        for row in range(rows):
            address = f"c{row}@example.com" if addresses else ""
            cells = f"{row}/1,2,{row % 900 + 1}.50,GBP,too small,c-{row},{address},2025-07-15T12:00:00+03:00"
            out.write(f"{cells}\n")


def measure(options: "Options") -> Iterator[Table]:
    """A table for each database and number of rows, and one of memory; a database that is missing says so."""
    prepare()
    peaks: dict[str, list[list[float]]] = {}
    sizes = (max(1, options.rows // 10), options.rows) if options.rows else SIZES
    for rows in sizes:
        for name, opened in stage.PLACES.items():
            title = f"A file of {rows:,} returns into {name}"
            try:
                with opened() as place, tempfile.TemporaryDirectory() as folder:
                    file = Path(folder) / "returns.csv"
                    write(file, rows)
                    figures, memory = _figures(place, file, options.rounds)
            except Skipped as reason:
                yield Table(title, [], f"Skipped: {reason}")
                continue
            yield Table(title, [_with_rate(figure, rows) for figure in figures])
            peaks.setdefault(name, []).append(memory)
    yield _memory(sizes, peaks)


def _figures(place: stage.Stage, file: Path, rounds: int) -> tuple[list[Figure], list[float]]:
    """What each took, and the most MiB that the command held in each round."""
    reference = "COPY" if place.name == "PostgreSQL" else "executemany"
    seconds: dict[str, list[float]] = {reference: [], "command": [], "the same file again": [], "parsing": []}
    memory = []
    place.create("empty")
    try:
        stage.migrate(place.url("empty"))
        for _ in range(rounds):
            with place.copied("empty", "run") as url:
                alone, parsing = _alone(url, file)
            seconds[reference].append(alone)
            seconds["parsing"].append(parsing)
            with place.copied("empty", "run") as url:
                for name in ("command", "the same file again"):
                    spent, held = _command(url, file)
                    seconds[name].append(spent)
                    memory.append(held)
    finally:
        place.drop("empty")
    references = {name: () if name == reference else seconds[reference] for name in seconds}
    return [Figure(name, found, references[name]) for name, found in seconds.items()], memory


def _with_rate(figure: Figure, rows: int) -> Figure:
    return replace(figure, more={"rows/s": short(rows / median(figure.values))})


def _memory(sizes: tuple[int, int], peaks: Mapping[str, list[list[float]]]) -> Table:
    few, many = sizes
    figures: list[Figure] = []
    for name, (of_few, of_many) in peaks.items():
        figures += [
            Figure(f"{name}, {few:,} rows", of_few, unit="MiB"),
            Figure(f"{name}, {many:,} rows", of_many, unit="MiB"),
        ]
        grown = [more - less for less, more in zip(of_few, of_many, strict=True)]
        figures.append(Figure(f"{name}, grown by", grown, unit="MiB", goal=FLAT))
    return Table("The most memory that the command's process held", figures)


def _command(url: str, file: Path) -> tuple[float, float]:
    """Seconds of the command's process, and the most MiB that it held."""
    environment = os.environ | {"DATABASE_URL": url, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    began = Real.clock()
    ended = subprocess.run(
        [sys.executable, "-m", __name__, str(file)], check=True, env=environment, stdout=subprocess.PIPE, text=True
    )
    return Real.clock() - began, float(ended.stdout.splitlines()[-1])


def main() -> None:
    """The command, and then the most MiB that this process has held."""
    prepare()
    from django.core.management import call_command

    call_command("import_returns", sys.argv[1])
    print(peak())


def _alone(url: str, file: Path) -> tuple[float, float]:
    """Seconds in which the database takes the parsed rows from memory, and seconds of parsing them."""
    server = url.startswith("postgres")
    parsed, taking, parsing = _parsed(file, (lambda at: at) if server else _text), 0.0, 0.0
    with _copying(url) if server else _executing(url) as (take, end):
        while True:
            began = Real.clock()
            rows = list(islice(parsed, SLICE))
            between = Real.clock()
            if rows:
                take(rows)
            else:
                end()
            parsing, taking = parsing + between - began, taking + Real.clock() - between
            if not rows:
                return taking, parsing


@contextmanager
def _copying(url: str) -> Iterator[Ways]:
    """What takes rows by COPY, and what ends it by a commit."""
    with psycopg.connect(url) as session, ExitStack() as stack:
        copy = stack.enter_context(session.cursor().copy(f"COPY refunds_returnrequest ({COLUMNS}) FROM STDIN"))

        def take(rows: Rows) -> None:
            for row in rows:
                copy.write_row(row)

        def end() -> None:
            stack.close()
            session.commit()

        yield take, end


@contextmanager
def _executing(url: str) -> Iterator[Ways]:
    """The same by executemany on SQLite, set up as Django's is."""
    insert = f"INSERT INTO refunds_returnrequest ({COLUMNS}) VALUES ({', '.join('?' * len(COLUMNS.split(',')))})"
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as session:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            session.execute(f"PRAGMA {pragma}")
        session.execute("BEGIN IMMEDIATE")
        yield lambda rows: session.executemany(insert, rows), session.commit


def _text(at: datetime) -> object:
    return at.replace(tzinfo=None).isoformat(sep=" ")


def _parsed(file: Path, written: Callable[[datetime], object]) -> Iterator[tuple[Any, ...]]:
    """The rows as a database takes them; `written` says how it takes instants."""
    from refunds.importing.files import OWN, Format, Row, Source, rows

    now = datetime.now(UTC)
    received = written(now)
    with file.open("rb") as stream:
        for row in rows(Source(stream, file.name), layout=OWN, form=Format.CSV, now=now):
            assert isinstance(row, Row)  # noqa: S101  # `write` writes good ones
            values = vars(row.content) | {"requested_at": written(row.content.requested_at)}
            yield (row.key, *values.values(), received, "requested", "")


if __name__ == "__main__":
    main()
