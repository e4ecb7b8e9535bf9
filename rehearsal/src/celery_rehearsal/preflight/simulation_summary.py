"""What a simulation says of each entry: how often it ran, and what went wrong.

docs/preflight/simulate.md defines each word.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from ..excerpt import around, causes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ..record import Record
    from .entries import Entry
    from .simulation import Outcome

# What ends a run that has done its work, and what ends one that has not, or comes instead of it.
DONE = {"succeeded", "failed", "retried"}
UNDONE = {"rejected", "revoked", "expired"}
# What ends all runs of a worker.
GONE = {"worker lost", "worker stopped"}
# What concerns each entry.
EVERYBODY = {*GONE, "broker lost"}
# Records that are a trouble, and its kind.
TROUBLES = {"expired": "expired unread", "redelivered": "redelivered", "failed": "failed"}

# The id, the attempt and the worker of a run that is under way.
Run = tuple[str, int, str]


@dataclass
class Message:
    """One message of an entry, and the firing that it is for."""

    firing: datetime
    expires: datetime | None
    started: list[datetime] = field(default_factory=list)
    # A run has done its work; the message waits or runs at the end; it was thrown away before it began.
    done: bool = False
    waits: bool = False
    gone: bool = False


@dataclass
class Summary:
    """One entry. `troubles` has the instants of each kind of trouble, in order."""

    entry: Entry
    due: tuple[datetime, ...]
    sent: int = 0
    runs: int = 0
    waiting: int = 0
    late_by: timedelta | None = None
    troubles: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def count(self, kind: str) -> int:
        """How often a kind of trouble came."""
        return len(self.troubles.get(kind, ()))

    @property
    def first(self) -> datetime | None:
        """When the first trouble came; None where nothing is wrong."""
        return min((at for found in self.troubles.values() for at in found), default=None)


# The kinds of trouble, as the report names them.
KINDS = ("missed", "doubled", "late", "overlaps", "expired unread", "redelivered", "failed")


def summaries(outcome: Outcome, margin: timedelta) -> list[Summary]:
    """Return a summary of each entry. A run that begins more than `margin` after its firing is late."""
    records = _by_entry(outcome)
    return [_summary(outcome, entry, records[entry.name], margin) for entry in outcome.entries]


def excerpt(outcome: Outcome, summary: Summary) -> tuple[list[Record], list[str]]:
    """Return the records around the first trouble, and the causes that are known.

    Other tasks are left out unless they can be the reason: where a run is late.
    """
    ids = {record.id for record in outcome.records if record.entry == summary.entry.name and record.id}
    shown = [
        record
        for record in outcome.records
        if record.id in ids or record.entry == summary.entry.name or not record.task or summary.count("late")
    ]
    own = [record for record in shown if record.id in ids]
    return around(shown, summary.first), causes(own, summary.entry.task)


def _by_entry(outcome: Outcome) -> dict[str, list[Record]]:
    names = [entry.name for entry in outcome.entries]
    owner: dict[str, str] = {}
    found: dict[str, list[Record]] = {name: [] for name in names}
    for record in outcome.records:
        if record.kind == "sent" and record.entry in found and record.at <= outcome.end:
            owner[record.id] = record.entry
        for name in names if record.kind in EVERYBODY else [owner[record.id]] if record.id in owner else ():
            found[name].append(record)
    return found


def _summary(outcome: Outcome, entry: Entry, records: list[Record], margin: timedelta) -> Summary:
    summary = Summary(entry, outcome.due[entry.name])
    messages: dict[str, Message] = {}
    running: list[Run] = []
    for record in records:
        _read(summary, messages, running, record)
    for id_, message in messages.items():
        waits = id_ in outcome.pending
        # RabbitMQ drops what has expired in a queue, and Redis keeps it until a worker sees it.
        if not message.started and message.expires and message.expires < outcome.end and (waits or not message.gone):
            summary.troubles["expired unread"].append(message.expires)
        else:
            message.waits = waits
    summary.waiting = sum(message.waits and not message.started for message in messages.values())
    _judge(summary, list(messages.values()), outcome.end, margin)
    return summary


def _read(summary: Summary, messages: dict[str, Message], running: list[Run], record: Record) -> None:
    if record.kind in GONE:
        running[:] = [run for run in running if run[2] != record.worker]
    elif record.kind == "broker lost":
        for message in messages.values():
            message.gone |= message.expires is None or message.expires > record.at
    elif record.kind == "sent" and record.id not in messages:
        place = bisect_right(summary.due, record.at)
        messages[record.id] = Message(summary.due[place - 1] if place else record.at, record.expires)
        summary.sent += 1
    else:
        _follow(summary, messages[record.id], running, record)


def _follow(summary: Summary, message: Message, running: list[Run], record: Record) -> None:
    run = (record.id, record.attempt, record.worker)
    if record.kind == "started":
        summary.runs += record.attempt == 1
        if running:
            summary.troubles["overlaps"].append(record.at)
        running.append(run)
        message.started.append(record.at)
    elif record.kind in DONE | UNDONE:
        # A message that is redelivered while it runs has two runs that look the same.
        if run in running:
            running.remove(run)
        message.done |= record.kind in DONE
        message.gone |= record.kind in UNDONE
    if record.kind in TROUBLES:
        summary.troubles[TROUBLES[record.kind]].append(record.at)


def _judge(summary: Summary, messages: list[Message], end: datetime, margin: timedelta) -> None:
    of: dict[datetime, list[Message]] = {at: [] for at in summary.due}
    for message in messages:
        of.setdefault(message.firing, []).append(message)
    for firing, found in sorted(of.items()):
        summary.troubles["doubled"] += [firing] * (len(found) - 1)
        if not any(message.done or message.waits for message in found):
            summary.troubles["missed"].append(firing)
            continue
        began = min(_begins(found, end))
        summary.late_by = max(began - firing, summary.late_by or timedelta())
        if began - firing > margin:
            summary.troubles["late"].append(firing)
    for instants in summary.troubles.values():
        instants.sort()


def _begins(messages: list[Message], end: datetime) -> Iterator[datetime]:
    for message in messages:
        # What has not begun begins after the end.
        yield from message.started or [end]
