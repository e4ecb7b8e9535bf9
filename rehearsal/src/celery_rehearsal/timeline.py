"""What happened, in order: records, and the table they print as."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, overload

from .arguments import check_name, task_name
from .errors import BadUseError
from .excerpt import around
from .record import KINDS, Record
from .reports import as_html, as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import datetime, tzinfo

HEADINGS = ("local", "UTC", "kind", "task", "id", "try", "where", "more")


class Timeline:
    """The records of a cluster, oldest first; only the newest `limit` where one is given.

    Iterates, indexes, has a length, and prints as a table in local time and UTC.
    """

    def __init__(
        self,
        zone: tzinfo,
        limit: int | None = None,
        known: Callable[[str], Collection[str] | None] | None = None,
    ) -> None:
        self._records: deque[Record] = deque(maxlen=limit)
        # Names of tasks that were recorded, and a look-up of the other names of a kind.
        self._seen: set[str] = set()
        # The same of messages, and of those that a canvas is to send.
        self._ids: set[str] = set()
        self._known = known
        self.zone = zone
        self.total = 0

    def add(self, record: Record) -> None:
        """Append one record."""
        self.total += 1
        self._seen.add(record.task)
        self._ids.add(record.id)
        self._records.append(record)

    def announce(self, ids: Iterable[str]) -> None:
        """Know the ids of messages that are to be sent later."""
        self._ids.update(ids)

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

    def since(self, total: int) -> list[Record]:
        """The records since there were so many. Raises BadUseError where `timeline_limit` has dropped some of them."""
        new = self.total - total
        if new > len(self._records):
            raise BadUseError(f"timeline_limit={self._records.maxlen} has dropped records that this assertion needs")
        return list(self._records)[len(self._records) - new :]

    def has_id(self, task_id: str) -> bool:
        """Whether a task of this id was sent, or will be by a task that was."""
        return task_id in self._ids

    def check(self, name: str, kind: str) -> None:
        """Raise BadUseError for a task, worker, beat, entry, queue or id that the cluster does not know."""
        # None: nobody can list them, as the entries of a scheduler of the app's own.
        known = None if self._known is None else self._known(kind)
        if known is not None:
            check_name(name, kind, {*known, *self._recorded(kind)})

    def _recorded(self, kind: str) -> Iterable[str]:
        if kind in {"entry", "queue"}:
            return {getattr(record, kind) for record in self._records}
        return {"task": self._seen, "task id": self._ids}.get(kind, ())

    def excerpt(self, near: datetime | None = None) -> str:
        """Return the lines around an instant, or the last ones: 20 at most."""
        return table(around(list(self._records), near), self.zone)

    def json(self) -> str:
        """Return the records as a JSON list. A value that JSON does not know is its repr."""
        return as_json(list(self._records))

    def html(self) -> str:
        """Return one self-contained page with a lane for each worker and beat, and a bar for each run."""
        return as_html(list(self._records), self.zone)

    def __reversed__(self) -> Iterator[Record]:
        return reversed(self._records)

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


def table(records: list[Record], zone: tzinfo, dropped: int = 0, more: int = 0) -> str:
    """The records as text, one line each, under a line of headings; `dropped` came before them, `more` after."""
    rows = [HEADINGS, *(record.row(zone) for record in records)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    if dropped:
        lines.insert(1, f"... {dropped} earlier records dropped")
    if more > 0:
        lines.append(f"... and {more} more")
    return "\n".join(lines)
