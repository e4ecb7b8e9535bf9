"""A declared outage that a firing of an entry falls into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .durations import DAY
from .proofs_of_entries import interval
from .scripts import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .entries import Entry
    from .loaded import LoadedApp

# How long before an outage a simulation begins, and how far an entry is looked at.
BEFORE = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
DAYS = 32


@dataclass(frozen=True)
class Window:
    """One outage. A simulation of an entry begins at `start`, so that firings are between the other two."""

    start: datetime
    begin: datetime
    over: datetime


def window(loaded: LoadedApp, entry: Entry) -> Window | None:
    """The first outage of a month that an entry fires in. None where it fires in none, or no outage is declared."""
    outage, times = loaded.configuration.declared.outage, loaded.times[entry.name]
    if outage is None or times.plan is None:
        return None
    end = loaded.start + DAYS * DAY
    spans = list(outage.instants(loaded.start + DAY, end, loaded.app.timezone))
    if every := interval(entry):
        begin, over = spans[0]
        # An interval counts from beat's start: one that is longer than the outage fires in it where beat starts so.
        return _near(begin, over) if every <= over - begin else Window(begin - every + SECOND, begin, over)
    firings = _until(iter(times.plan), end)
    fires = next(firings, None)
    for begin, over in spans:
        while fires is not None and fires < begin:
            fires = next(firings, None)
        if fires is not None and fires < over:
            return _near(begin, over)
    return None


def away(loaded: LoadedApp, found: Window) -> tuple[str, ...]:
    """Lines of a test that let the declared outage begin and end."""
    what = loaded.configuration.declared.outage_of
    lost = ", fresh=True" if loaded.configuration.declared.disk_lost else ""
    down = (
        *(() if what == "beats" else ("for name in list(celery.workers):", "    celery.kill_worker(name)")),
        *(() if what == "workers" else ("for name in list(celery.beats):", "    celery.stop_beat(name, kill=True)")),
    )
    back = (
        *(() if what == "beats" else ("for name in celery.workers_down:", "    celery.start_worker(name)")),
        *(() if what == "workers" else ("for name in celery.beats_down:", f"    celery.start_beat(name{lost})")),
    )
    return (until(found.start, found.begin), *down, until(found.start, found.over), *back)


def _near(begin: datetime, over: datetime) -> Window:
    return Window(begin - BEFORE, begin, over)


def _until(instants: Iterator[datetime], end: datetime) -> Iterator[datetime]:
    for at in instants:
        if at >= end:
            return
        yield at
