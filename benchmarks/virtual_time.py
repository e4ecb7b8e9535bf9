"""How fast virtual time is, and whether memory stays flat: `python -m benchmarks.virtual_time [memory|fakeredis ...]`.

Runs an app of its own on the kit. Seconds depend on the machine; the ratios, and the limits beside the numbers, are
what a change is judged by.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from celery import Celery
from celery.schedules import crontab

from refunds.testkit import VirtualCelery

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXECUTIONS = 10_000
DAYS = 365
YEARS = 10
STARTS = 20

# In a tuple: a name of this module would be frozen with the rest.
STOPWATCH: tuple[Callable[[], float]] = (time.perf_counter,)

# Seconds that the project allows itself.
YEAR = {"memory": 0.5, "fakeredis": 2.0}
ALL_EXECUTIONS = 5.0
START_UP = 0.05


def make_app() -> Celery:
    """An app with one task and one entry, results in Redis, nothing else."""
    app = Celery("bench", broker="redis://broker.invalid/0", backend="redis://results.invalid/0", fixups=[])
    app.conf.update(
        timezone="Europe/Kyiv", beat_schedule={"daily": {"task": "note", "schedule": crontab(hour=18, minute=0)}}
    )

    @app.task(name="note", shared=False)
    def note() -> None:
        pass

    return app


def show(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Real seconds that a block took, in a list, once it has ended."""
    seconds: list[float] = []
    began = STOPWATCH[0]()
    yield seconds
    seconds.append(STOPWATCH[0]() - began)


def year(app: Celery, transport: str) -> float:
    """Seconds for 365 days of an 18:00 entry with its worker."""
    with VirtualCelery(app, start=START, transport=transport) as celery, stopwatch() as seconds:
        celery.advance(timedelta(days=DAYS))
    assert len(celery.timeline.of("succeeded")) == DAYS  # noqa: S101  # a benchmark of the right thing
    return seconds[0]


def executions(app: Celery, transport: str) -> tuple[float, float]:
    """Seconds to publish, and to run, many tasks."""
    with VirtualCelery(app, start=START, transport=transport, beats=0, timeline_limit=1) as celery:
        with stopwatch() as publishing:
            for _ in range(EXECUTIONS):
                app.tasks["note"].delay()
        with stopwatch() as running:
            celery.run_until_idle()
    return publishing[0], running[0]


def start_up(app: Celery, transport: str) -> float:
    """Median seconds to start a cluster, freezing included, once the modules are loaded."""
    taken = []
    for _ in range(STARTS):
        with stopwatch() as seconds:
            cluster = VirtualCelery(app, start=START, transport=transport).__enter__()
        cluster.__exit__(None, None, None)
        taken.append(seconds[0])
    return statistics.median(taken)


def eager(app: Celery) -> float:
    """Seconds for as many tasks in eager mode: what the honesty is compared with."""
    with stopwatch() as seconds:
        for _ in range(EXECUTIONS):
            app.tasks["note"].apply()
    return seconds[0]


def resident() -> float:
    """Mebibytes that the process holds now; only Linux tells."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory_over_years(app: Celery, transport: str) -> list[float]:
    """Mebibytes after each of ten years, with a capped timeline."""
    held = []
    with VirtualCelery(app, start=START, transport=transport, timeline_limit=1_000) as celery:
        for _ in range(YEARS):
            celery.advance(timedelta(days=DAYS))
            held.append(resident())
    return held


def verdict(value: float, limit: float) -> str:
    """Whether a number keeps its limit."""
    return f"limit {limit:g} s: {'kept' if value <= limit else 'NOT kept'}"


def main(transports: list[str]) -> None:
    """Measure and print."""
    app: Any = make_app()
    year(app, "memory")
    in_eager_mode = eager(app)
    years: dict[str, float] = {}
    for transport in transports:
        began = start_up(app, transport)
        years[transport] = min(year(app, transport) for _ in range(3))
        publishing, running = executions(app, transport)
        show(f"{transport}")
        show(f"  start of a cluster     {began * 1000:8.1f} ms  {verdict(began, START_UP)}")
        show(f"  a year of 18:00        {years[transport]:8.2f} s   {verdict(years[transport], YEAR[transport])}")
        both = publishing + running
        show(f"  {EXECUTIONS:,} executions      {both:8.2f} s   {verdict(both, ALL_EXECUTIONS)}")
        show(f"    of it running        {running:8.2f} s   {both / in_eager_mode:.1f} times eager mode")
        if Path("/proc/self/statm").exists():
            held = memory_over_years(app, transport)
            shown = " ".join(f"{mebibytes:.0f}" for mebibytes in held)
            show(f"  MiB after each year    {shown}  (last to first: {held[-1] / held[0]:.2f})")
    if len(years) == len(YEAR):
        show(f"a year on fakeredis takes {years['fakeredis'] / years['memory']:.1f} times a year on memory")


if __name__ == "__main__":
    main(sys.argv[1:] or list(YEAR))
