"""What `celery schedule` shows, before it has a format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from celery.schedules import schedule

from .errors import CannotCheckError
from .firings import plans
from .patterns import pattern
from .plan import Plan
from .remarks import Remark, remarks, utc
from .zones import Change, changes, name_of

if TYPE_CHECKING:
    from .entries import Entry, Reading

# A list of more instants helps nobody, and takes minutes to write.
MOST = 200_000


@dataclass(frozen=True)
class Line:
    """One entry: what it is, when beat sends it, and what the changes of its zone do to it."""

    entry: Entry
    plan: Plan
    remarks: tuple[Remark, ...]
    notes: tuple[str, ...]

    @property
    def pattern(self) -> str:
        return pattern(self.entry.schedule)


@dataclass(frozen=True)
class Report:
    """The entries of an app between two instants, for a viewer in a zone."""

    app: str
    scheduler: str
    start: datetime
    end: datetime
    viewer: tzinfo
    lines: tuple[Line, ...]
    # Whether one entry was asked for by its name.
    one: bool = False

    def changes(self) -> dict[str, tuple[Change, ...]]:
        """Return the changes of each zone, by the zone's name."""
        zones = {name_of(line.entry.zone): line.entry.zone for line in self.lines} | {name_of(self.viewer): self.viewer}
        return {name: changes(zone, self.start, self.end) for name, zone in sorted(zones.items())}


def report(read: Reading, end: datetime, viewer: tzinfo, wanted: tuple[str, ...] = ()) -> Report:
    """Drive the wanted entries, or all. Raises CannotCheckError for an entry that is not there."""
    chosen = choose(read, wanted)
    lines = [
        Line(entry, plan, tuple(remarks(entry, _around(plan), read.start, end)), _notes(read, entry))
        for entry, plan in zip(chosen, plans(read, chosen, end), strict=True)
    ]
    kind = type(read.scheduler)
    scheduler = f"{kind.__module__}:{kind.__qualname__}"
    return Report(read.app.main or "app", scheduler, read.start, end, viewer, tuple(lines), one=len(wanted) == 1)


def choose(read: Reading, wanted: tuple[str, ...]) -> list[Entry]:
    """Return the wanted entries, or all. Raises CannotCheckError for an entry that is not there."""
    names = [entry.name for entry in read.entries]
    if unknown := sorted(set(wanted) - set(names)):
        raise CannotCheckError(f"no entry {', '.join(unknown)}: beat has {', '.join(names) or 'no entries'}")
    return [entry for entry in read.entries if not wanted or entry.name in wanted]


def refuse_too_many(found: Report) -> None:
    """Raise CannotCheckError where a format that lists every instant would be too long."""
    count = sum(len(line.plan) for line in found.lines)
    if count > MOST:
        most = max(found.lines, key=lambda line: len(line.plan))
        raise CannotCheckError(
            f"{count:,} firings, most of them of entry {most.entry.name}, are more than a list of {MOST:,}: ask for "
            "fewer --days, or for another --entry"
        )


def _around(plan: Plan) -> list[datetime]:
    # Around each change every firing is driven. What follows elsewhere is not needed, but for its last instant.
    return plan.named


def _notes(read: Reading, entry: Entry) -> tuple[str, ...]:
    notes = []
    if entry.last_run_at != read.start:
        notes.append(f"last sent at {utc(entry.last_run_at)}, as the scheduler's store says")
    elif isinstance(entry.schedule, schedule) and not entry.schedule.relative:
        notes.append(f"an interval: it counts from the start of beat, here {utc(read.start)}")
        notes.append("a beat that starts again without its schedule file begins the interval again")
    return tuple(notes)
