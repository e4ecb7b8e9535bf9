"""Tests that show what becomes of an entry's messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from celery.schedules import crontab, schedule, solar

from .errors import CannotCheckError
from .proofs import proof_transport
from .scripts import Script, quoted, until

if TYPE_CHECKING:
    from .entries import Entry
    from .loaded import LoadedApp

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)

# A simulation of so many takes about a second.
MOST_RUNS = 1_000


@dataclass(frozen=True)
class Opening:
    """Where a simulation of an entry begins, and its first two firings from then on."""

    start: datetime
    fires: datetime
    next: datetime


def opening(loaded: LoadedApp, entry: Entry) -> Opening:
    """Begin shortly before a firing that the next one follows soonest. Raises CannotCheckError without two firings."""
    times = loaded.times[entry.name]
    if times.plan is None or times.period is None:
        raise CannotCheckError(f"the entry {entry.name!r} does not fire twice")
    if not isinstance(entry.schedule, (crontab, solar)):
        # It counts from the start of beat.
        fires, after = islice(times.plan, 2)
        return Opening(times.start, fires, after)
    fires, gap = next((at, gap) for at, gap in times.plan.gaps() if gap == times.period)
    return Opening(fires - MINUTE, fires, fires + gap)


def refuse_many(first: Opening, length: timedelta, runs: int = 1) -> None:
    """Raise CannotCheckError where so many runs for each firing in this time are too many to be simulated."""
    count = (length // (first.next - first.fires) + 1) * runs
    if count > MOST_RUNS:
        raise CannotCheckError(f"{count:,} runs take too long to simulate")


def interval(entry: Entry) -> timedelta:
    """The interval of an entry that counts from the start of beat; nothing for another schedule."""
    kind = type(entry.schedule)
    return entry.schedule.run_every if kind is schedule else timedelta()


def runs(loaded: LoadedApp, rule: str, entry: Entry) -> Script:
    """A worker begins the task after the first firing."""
    first = opening(loaded, entry)
    wait = timedelta(seconds=float(entry.options.get("countdown") or 0))
    return Script(
        rule,
        entry.task,
        f"entry {entry.name!r} runs",
        first.start,
        (until(first.start, first.fires + wait + MINUTE), 'assert celery.timeline.of("started")'),
        entry.name,
        transport=proof_transport(loaded),
    )


def one_run_waits(loaded: LoadedApp, entry: Entry) -> Script:
    """Workers are away for a little more than a period, and then run one message."""
    first = opening(loaded, entry)
    return Script(
        "S005",
        entry.task,
        f"after an outage of the workers, entry {entry.name!r} runs once",
        first.start,
        (
            "celery.kill_worker()",
            until(first.start, first.next + SECOND),
            "celery.start_worker()",
            "celery.advance(seconds=1)",
            f'assert len(celery.timeline.of("started", {quoted(entry.task)})) <= 1',
        ),
        entry.name,
        transport=proof_transport(loaded),
    )


def one_run_for_each_message(loaded: LoadedApp, entry: Entry, countdown: float) -> Script:
    """A message with a countdown runs once."""
    first = opening(loaded, entry)
    refuse_many(first, timedelta(seconds=countdown))
    task = quoted(entry.task)
    return Script(
        "R008",
        entry.task,
        f"a message of entry {entry.name!r} runs once",
        first.start,
        (
            until(first.start, first.fires + timedelta(seconds=countdown) + MINUTE),
            f'first = celery.timeline.of("sent", {task})[0]',
            f"celery.assert_ran({task}, times=1, id=first.id)",
        ),
        entry.name,
        doubles=True,
        transport=proof_transport(loaded, redelivers=True),
    )
