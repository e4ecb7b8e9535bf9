"""What happened, in order: records, and the table they print as."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from .arguments import check_name, task_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime, tzinfo

KINDS = (
    "sent",
    "unsent",
    "unconsumed",
    "unroutable",
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
    "control",
    "worker started",
    "worker stopped",
    "worker lost",
    "child lost",
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

    def __init__(
        self,
        zone: tzinfo,
        limit: int | None = None,
        known: Callable[[str], Collection[str]] | None = None,
    ) -> None:
        self._records: deque[Record] = deque(maxlen=limit)
        # Names of tasks that were recorded, and a look-up of the other names of a kind.
        self._seen: set[str] = set()
        self._known = known
        self.zone = zone
        self.total = 0

    def add(self, record: Record) -> None:
        """Append one record."""
        self.total += 1
        self._seen.add(record.task)
        self._records.append(record)

    def of(
        self,
        kind: str | None = None,
        task: Any = None,
        *,
        id: str | None = None,  # noqa: A002 - it is what Celery calls it
        worker: str | None = None,
    ) -> list[Record]:
        """The records of that kind, task (or its name), id and worker; whatever is not given matches all.

        Raises BadUseError for a kind, task or worker that does not exist, because no record can match it.
        """
        name = None if task is None else task_name(task)
        if kind is not None:
            check_name(kind, "kind of record", KINDS)
        if name is not None and name not in self._seen:
            self.check(name, "task")
        if worker is not None:
            self.check(worker, "worker or beat")
        wanted = {"kind": kind, "task": name, "id": id, "worker": worker}
        checks = [(name, value) for name, value in wanted.items() if value is not None]
        return [r for r in self._records if all(getattr(r, name) == value for name, value in checks)]

    def check(self, name: str, kind: str) -> None:
        """Raise BadUseError for a task, worker or beat that the cluster does not know."""
        if self._known is not None:
            check_name(name, kind, self._seen.union(self._known(kind)) if kind == "task" else self._known(kind))

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
