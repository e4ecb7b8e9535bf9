"""Assertions that print what was wanted and the timeline around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arguments import instants, task_name
from .pending import Pending, lines
from .timeline import Record, Timeline, table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

# How many records before and after the place in question a failure shows.
AROUND = 10


class Assertions:
    """Mixed into `VirtualCelery`. A task is given by its name or as the task itself."""

    timeline: Timeline

    def assert_ran(
        self,
        task: Any,
        *,
        times: int | None = None,
        at: datetime | Iterable[datetime] | None = None,
        worker: str | None = None,
    ) -> list[Record]:
        """The task was started: at all, so many times, at that or those instants (aware, to the second).

        Returns the records. Raises AssertionError, and BadUseError for an unknown name.
        """
        found = self.timeline.of("started", task_name(task), worker=worker)
        wanted = f"{task_name(task)} to have run" + (f" on {worker}" if worker else "")
        return self._check(found, wanted, times=times, at=at)

    def assert_not_ran(self, task: Any) -> None:
        """The task was never started. Raises AssertionError."""
        found = self.timeline.of("started", task_name(task))
        if found:
            self._fail(f"{task_name(task)} not to have run", found, found[0].at)

    def assert_sent(
        self,
        task: Any,
        *,
        times: int | None = None,
        at: datetime | Iterable[datetime] | None = None,
        by: str | None = None,
        entry: str | None = None,
        queue: str | None = None,
    ) -> list[Record]:
        """The task was published: so many times, at those instants, by "test", a beat or a worker, to a
        queue.

        Returns the records. Raises AssertionError.
        """
        if by is not None:
            self.timeline.check(by, "worker or beat")
        asked = {"by": by, "entry": entry, "queue": queue}
        checks = {name: value for name, value in asked.items() if value is not None}
        found = [
            record
            for record in self.timeline.of("sent", task_name(task))
            if all(getattr(record, name) == value for name, value in checks.items())
        ]
        where = "".join(f", {name} {value}" for name, value in checks.items())
        return self._check(found, f"{task_name(task)} to have been sent{where}", times=times, at=at)

    def assert_idle(self) -> None:
        """Nothing is queued, scheduled or unacked. Raises AssertionError."""
        left = self.pending()
        if left:
            self._fail("nothing to be pending\n" + "\n".join(lines(left)), [], None)

    def _check(
        self,
        found: list[Record],
        wanted: str,
        *,
        times: int | None,
        at: datetime | Iterable[datetime] | None,
    ) -> list[Record]:
        due = None if at is None else instants(at)
        if due is not None:
            wanted += " at " + ", ".join(f"{i.astimezone(self.timeline.zone):%F %T %Z}" for i in due)
            good = [record.at.replace(microsecond=0) for record in found] == due
        else:
            good = bool(found) or times == 0
        if times is not None:
            wanted += f" {times} times"
            good = good and len(found) == times
        if not good:
            self._fail(wanted, found, due[0] if due else None)
        return found

    def _fail(self, wanted: str, found: list[Record], near: datetime | None) -> None:
        zone = self.timeline.zone
        seen = table(found, zone) if found else "nothing"
        message = f"wanted {wanted}\nfound {len(found)}: {seen}\nthe timeline around it:\n"
        raise AssertionError(message + table(around(list(self.timeline), near), zone))

    def pending(self) -> Pending:
        """What is queued, scheduled and unacked right now."""
        raise NotImplementedError


def around(records: list[Record], near: datetime | None) -> list[Record]:
    """The records next to an instant, or the last ones."""
    if near is None:
        return records[-2 * AROUND :]
    place = sum(record.at < near for record in records)
    return records[max(0, place - AROUND) : place + AROUND]
