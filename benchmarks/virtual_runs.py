"""What the benchmark of virtual time runs: clusters of an app of its own, and the same without a cluster.

Each returns the processor's seconds, a start milliseconds: nothing here waits, and the machine may have other work.
"""

import os
import statistics
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery_rehearsal import VirtualCelery
from celery_rehearsal.clock import MICROSECONDS, VirtualClock

from .measure import Real

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = 365
YEARS = 10
STARTS = 20
STATM = Path("/proc/self/statm")  # only Linux has it


class RunningClock(VirtualClock):
    """Stands for a cluster's clock and freezes nothing: what is due now runs, and time is the machine's."""

    @property
    def now(self) -> datetime:
        """The wall clock."""
        return datetime.now(UTC)

    @property
    def ticks(self) -> int:
        """The machine's monotonic clock in microseconds."""
        return round(Real.clock() * MICROSECONDS)

    def start(self) -> None:
        """Freeze nothing."""


def make_app(broker: str = "redis://broker.invalid/0") -> Celery:
    """An app with one task and one entry, results in Redis, nothing else."""
    servers: dict[str, Any] = {"broker": broker, "backend": "redis://results.invalid/0"}
    app = Celery("bench", **servers, set_as_current=False, fixups=[])
    # Beat takes it for an app of default options.
    app.set_as_current = True  # type: ignore[attr-defined]  # celery-types leaves it out
    app.conf.update(timezone="Europe/Kyiv", beat_schedule={"daily": {"task": "note", "schedule": at_six(app)}})

    @app.task(name="note", shared=False)
    def note() -> None:
        pass

    return app


def at_six(app: Celery, **options: Any) -> crontab:
    """Each day at 18:00."""
    return crontab(hour=18, minute=0, app=app, **options)


def cluster(app: Celery, transport: str, *, freeze: bool = True, **options: Any) -> VirtualCelery:
    """A cluster of one worker and one beat, unless the options say otherwise."""
    made = VirtualCelery(app, start=START, transport=transport, **options)
    if not freeze:
        made.clock = RunningClock(START, seed=0, sleep=lambda _seconds: None)
    return made


def year(app: Celery, transport: str) -> float:
    """Seconds for 365 days of an 18:00 entry with its worker."""
    with cluster(app, transport) as celery:
        began = Real.processor()
        celery.advance(timedelta(days=DAYS))
        seconds = Real.processor() - began
    assert len(celery.timeline.of("succeeded")) == DAYS  # noqa: S101  # a benchmark of the right thing
    return seconds


def year_with_an_hourly_entry(app: Celery, transport: str) -> float:
    """Seconds for as many executions as a year of the 18:00 entry has, in a year in which an hourly entry runs too."""
    schedule = app.conf.beat_schedule
    hourly = {"task": "note", "schedule": crontab(minute=0, app=app)}
    app.conf.beat_schedule = {**schedule, "hourly": hourly}
    try:
        with cluster(app, transport, timeline_limit=1) as celery:
            began = Real.processor()
            celery.advance(timedelta(days=DAYS))
            seconds = Real.processor() - began
    finally:
        app.conf.beat_schedule = schedule
    executed = celery.timeline.total / 5  # due, sent, received, started, succeeded
    # What is hourly may run once more or less where the clocks change.
    assert abs(executed - 25 * DAYS) <= 1  # noqa: S101  # a benchmark of the right thing
    return seconds * DAYS / executed


def loop(app: Celery) -> float:
    """Seconds for a plain loop over the same year: the entry's schedule is asked when it is due, the task applied."""
    now = START
    schedule = at_six(app, nowfun=lambda: now)
    began = Real.processor()
    for _ in range(DAYS):
        now += schedule.remaining_estimate(now)
        app.tasks["note"].apply()
    return Real.processor() - began


def executions(app: Celery, transport: str, count: int, *, freeze: bool = True) -> float:
    """Seconds to publish so many tasks and to run them."""
    with cluster(app, transport, freeze=freeze, beats=0, timeline_limit=1) as celery:
        began = Real.processor()
        for _ in range(count):
            app.tasks["note"].delay()
        celery.run_until_idle()
        seconds = Real.processor() - began
    assert celery.timeline.total == 4 * count  # noqa: S101  # sent, received, started, succeeded
    return seconds


def eager(app: Celery, count: int) -> float:
    """Seconds for so many tasks in eager mode, which has no message, no worker and no clock."""
    began = Real.processor()
    for _ in range(count):
        app.tasks["note"].apply()
    return Real.processor() - began


def start_up(start: Callable[[], object]) -> float:
    """Median milliseconds of the processor for a start and its end."""
    taken = []
    for _ in range(STARTS):
        began = Real.processor()
        start()
        taken.append(1000 * (Real.processor() - began))
    return statistics.median(taken)


def start(app: Celery, transport: str) -> None:
    """Make, start and end a cluster."""
    with cluster(app, transport):
        pass


def memory_over_years(app: Celery, transport: str) -> list[float]:
    """Mebibytes that the process holds after each of ten years, with a capped timeline."""
    held = []
    with cluster(app, transport, timeline_limit=1_000) as celery:
        for _ in range(YEARS):
            celery.advance(timedelta(days=DAYS))
            held.append(int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
    return held
