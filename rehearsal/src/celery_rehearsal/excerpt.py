"""What a failure shows of a timeline: the lines around it, and the causes that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from .record import Record

# How many lines of the timeline a failure prints, its headings among them.
LINES = 20

# How many causes a failure names.
CAUSES = 3

# Records that say why a task did not run, ran late, or ran again.
TELLING = {
    "unsent",
    "unconsumed",
    "unroutable",
    "redelivered",
    "revoked",
    "expired",
    "rejected",
    "failed",
    "child lost",
}


def around(records: list[Record], near: datetime | None = None, count: int = LINES - 1) -> list[Record]:
    """The records next to an instant, or the last ones."""
    if near is None:
        return records[-count:]
    place = sum(record.at < near for record in records)
    first = max(0, min(place - count // 2, len(records) - count))
    return records[first : first + count]


def causes(records: list[Record], task: str) -> list[str]:
    """Why the task did what it did, newest last, as far as the records say."""
    told = [r for r in records if r.task == task and r.kind in TELLING and task]
    lines = dict.fromkeys(f"{r.task}[{r.id[:8]}] {r.kind}: {r.detail}" for r in told if r.detail)
    return list(lines)[-CAUSES:]
