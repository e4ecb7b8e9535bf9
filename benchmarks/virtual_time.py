"""How fast virtual time is, what freezing costs, where the time goes, and whether memory stays flat.

On both transports of the kit. Nothing here needs a server.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from celery import Celery

from . import celery_alone
from . import virtual_runs as runs
from .measure import Real
from .report import Figure, Table
from .run import Options
from .shares import OTHER, PARTS, sampled

TRANSPORTS = ("memory", "fakeredis")
EXECUTIONS = 10_000
# Of so many executions one is made where it is looked at whose code runs.
SAMPLED = 5

# What the project allows itself: seconds; milliseconds for a start and its end; ratios: memory after ten years by that
# after one, executions on fakeredis by those on memory, and an execution where an hourly entry runs too by one without.
YEAR = {"memory": 0.5, "fakeredis": 2.0}
ALL_EXECUTIONS = 5.0
START_UP = 2.0
FLAT = 1.05
BY_MEMORY = 1.4
PROPORTIONAL = 1.1

Taken = Mapping[str, Sequence[float]]


def measure(options: Options) -> Iterator[Table]:
    """A year, executions and starts by turns with what they are compared to; memory; whose code takes the time."""
    app, count = runs.make_app(), options.rows or EXECUTIONS
    runs.year(app, "memory")  # what is imported and cached once is no part of it
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(options.rounds):
        for name, value in turn(app, count):
            taken[name].append(value)
    yield compared(taken, count)
    yield in_proportion(taken, count)
    yield limits(taken, count)
    yield frozen(taken, count)
    if runs.STATM.exists():
        yield memory(app)
    few = max(1, count // SAMPLED)
    for name in TRANSPORTS:
        yield shares(f"a year on {name}", partial(runs.year, app, name), options.rounds)
        yield shares(f"{few:,} executions on {name}", partial(runs.executions, app, name, few), options.rounds)


def turn(app: Celery, count: int) -> Iterator[tuple[str, float]]:
    """Everything once: its name, and seconds, or milliseconds for a start."""
    yield "eager", runs.eager(app, count)
    yield "loop", runs.loop(app)
    for name in TRANSPORTS:
        yield f"year, {name}", runs.year(app, name)
        yield f"hourly, {name}", runs.year_with_an_hourly_entry(app, name)
        yield f"executions, {name}", runs.executions(app, name, count)
        yield f"unfrozen, {name}", runs.executions(app, name, count, freeze=False)
        yield f"start, {name}", runs.start_up(partial(runs.start, app, name))
    alone = runs.make_app("memory://")
    yield "start, Celery alone", runs.start_up(partial(celery_alone.start_and_stop, alone))


def compared(taken: Taken, count: int) -> Table:
    """Beside what is done without the kit."""
    figures = []
    for name in TRANSPORTS:
        figures += [
            Figure(f"a year on {name}", taken[f"year, {name}"], taken["loop"]),
            Figure(f"{count:,} executions on {name}", taken[f"executions, {name}"], taken["eager"]),
        ]
    note = (
        "References: for a year, a loop over the schedule that applies the task at each instant; for executions, as "
        "many apply(). None of them has beat, a message or a worker."
    )
    return Table("Virtual time beside what goes without it", figures, note)


def in_proportion(taken: Taken, count: int) -> Table:
    """One transport next to the other, and one schedule next to another."""
    figures = [
        Figure("a year on fakeredis, by one on memory", taken["year, fakeredis"], taken["year, memory"]),
        Figure(
            f"{count:,} executions on fakeredis, by as many on memory",
            taken["executions, fakeredis"],
            taken["executions, memory"],
            goal=BY_MEMORY,
        ),
    ]
    figures += [
        Figure(
            f"18:00 and hourly on {name}, by 18:00 alone",
            taken[f"hourly, {name}"],
            taken[f"year, {name}"],
            goal=PROPORTIONAL,
        )
        for name in TRANSPORTS
    ]
    note = "The last two are for equally many executions: an entry more costs what its executions cost."
    return Table("Virtual time in proportion", figures, note)


def limits(taken: Taken, count: int) -> Table:
    """The same in seconds, beside what the project allows itself."""
    figures = []
    for name in TRANSPORTS:
        figures += [
            Figure(f"a year on {name}", taken[f"year, {name}"], goal=YEAR[name]),
            Figure(f"{count:,} executions on {name}", taken[f"executions, {name}"], goal=ALL_EXECUTIONS),
            Figure(f"a start on {name}", taken[f"start, {name}"], unit="ms", goal=START_UP),
            Figure(f"a start on {name}, by Celery's own", taken[f"start, {name}"], taken["start, Celery alone"], "ms"),
        ]
    note = (
        "The processor's seconds, which depend on the machine. A start is a cluster's, with its end; Celery's own is "
        "its worker's and beat's without one, on kombu's memory transport."
    )
    return Table("What virtual time takes", figures, note)


def memory(app: Celery) -> Table:
    """What the process holds after the last year, by what it held after the first."""
    figures = []
    for name in TRANSPORTS:
        held = runs.memory_over_years(app, name)
        figures.append(Figure(f"{len(held)} years on {name}", held[-1:], held[:1], "MiB", FLAT))
    return Table("Memory after years", figures, "Reference: the memory of the process after the first of these years.")


def frozen(taken: Taken, count: int) -> Table:
    """What freezing costs: the same executions, with the clock of the machine."""
    figures = [
        Figure(f"{count:,} executions on {name}", taken[f"executions, {name}"], taken[f"unfrozen, {name}"])
        for name in TRANSPORTS
    ]
    return Table("The price of the frozen clock", figures, "Reference: the same cluster on a clock that runs.")


def shares(title: str, run: Callable[[], float], rounds: int) -> Table:
    """Milliseconds of each part of a run, by those of the whole."""
    whole, parts = [], defaultdict(list)
    for _ in range(rounds):
        with sampled() as seen:
            began = Real.clock()
            run()
            whole.append(1000 * (Real.clock() - began))
        for name in (*PARTS, OTHER):
            parts[name].append(whole[-1] * seen[name] / max(1, seen.total()))
    figures = [Figure(name, values, whole, "ms") for name, values in parts.items() if any(values)]
    figures.sort(key=lambda figure: -figure.judged)
    return Table(f"Where the time of {title} goes", figures, "Reference: the whole run, its start included.")
