"""What happened, in order: records, and the table they print as."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

KINDS = (
    "sent",
    "unsent",
    "received",
    "redelivered",
    "scheduled",
    "rate-limited",
    "started",
    "succeeded",
    "failed",
    "retried",
    "revoked",
    "expired",
    "rejected",
    "beat",
    "worker started",
    "worker stopped",
    "worker lost",
    "beat started",
    "beat stopped",
    "broker lost",
    "doubled",
    "clock stepped",
)


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened.

    `at` and `when` (the ETA, or the instant of the retry) are aware datetimes in UTC. `attempt` is 1 for the
    first run. `worker` is the worker or beat in which it happened, `by` who sent the message: a worker, a
    beat or "test".
    """

    at: datetime
    kind: str
    task: str = ""
    id: str = ""
    attempt: int = 0
    worker: str = ""
    by: str = ""
    entry: str = ""
    queue: str = ""
    args: str = ""
    when: datetime | None = None
    expires: datetime | None = None
    detail: str = ""

    def row(self, zone: tzinfo) -> tuple[str, ...]:
        """The record as the cells of the table, local time first."""
        local, utc = self.at.astimezone(zone), self.at
        notes = [
            self.entry and f"entry {self.entry}",
            self.when and f"at {self.when.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            self.queue and f"queue {self.queue}",
            self.detail,
        ]
        return (
            f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d} {local:%Z}",
            f"{utc:%H:%M:%S}Z",
            self.kind,
            self.task,
            self.id[:8],
            str(self.attempt or ""),
            self.worker or self.by,
            " ".join(note for note in notes if note),
        )


HEADINGS = ("local", "UTC", "kind", "task", "id", "try", "where", "more")


class Timeline:
    """The records of a cluster, oldest first; only the newest `limit` where one is given.

    Iterates, indexes, has a length, and prints as a table in local time and UTC.
    """

    def __init__(self, zone: tzinfo, limit: int | None = None) -> None:
        self._records: deque[Record] = deque(maxlen=limit)
        self.zone = zone
        self.total = 0

    def add(self, record: Record) -> None:
        """Append one record."""
        self.total += 1
        self._records.append(record)

    def of(
        self,
        kind: str | None = None,
        task: str | None = None,
        *,
        id: str | None = None,  # noqa: A002 - it is what Celery calls it
        worker: str | None = None,
    ) -> list[Record]:
        """The records of that kind, task, id and worker; whatever is not given matches all."""
        wanted = {"kind": kind, "task": task, "id": id, "worker": worker}
        checks = [(name, value) for name, value in wanted.items() if value is not None]
        return [r for r in self._records if all(getattr(r, name) == value for name, value in checks)]

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records))

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        return list(self._records)[index]

    def __str__(self) -> str:
        return table(list(self._records), self.zone, dropped=self.total - len(self._records))


def table(records: list[Record], zone: tzinfo, dropped: int = 0) -> str:
    """The records as text, one line each, under a line of headings."""
    rows = [HEADINGS, *(record.row(zone) for record in records)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    if dropped:
        lines.insert(1, f"... {dropped} earlier records dropped")
    return "\n".join(lines)
