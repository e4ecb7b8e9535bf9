"""Assertions that print what was wanted and the timeline around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arguments import instants, task_name
from .excerpt import causes
from .pending import Pending, lines
from .record import Record
from .timeline import Timeline, table
from .values import check_wanted, match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

# How many of the records that were found a failure lists.
FOUND = 10

# What an assertion asks of a record by a name, and what a wrong one is called.
NAMES = {"worker": "worker or beat", "by": "worker or beat", "entry": "entry", "queue": "queue", "id": "task id"}


class Assertions:
    """Mixed into `VirtualCelery`. A task is given by its name or as the task itself.

    `args` is a list or tuple and `kwargs` a dict, equal to those of the message as its worker reads it; a value in them
    can be a matcher, such as `unittest.mock.ANY`. Or each is a function of all args (a tuple) or kwargs (a dict).
    """

    timeline: Timeline

    def assert_ran(
        self,
        task: Any,
        *,
        times: int | None = None,
        at: datetime | Iterable[datetime] | None = None,
        worker: str | None = None,
        args: Any = None,
        kwargs: Any = None,
        id: str | None = None,  # noqa: A002 - it is what Celery calls it
    ) -> list[Record]:
        """The task was started: at all, so many times, at that or those instants (aware, to the second).

        Returns the records. Raises AssertionError, and BadUseError for an unknown name.
        """
        found, asked = self._select("started", task, args, kwargs, worker=worker, id=id)
        return self._check(found, task, f"to have run{asked}", times=times, at=at)

    def assert_not_ran(
        self,
        task: Any,
        *,
        worker: str | None = None,
        args: Any = None,
        kwargs: Any = None,
        id: str | None = None,  # noqa: A002 - as above
    ) -> None:
        """The task was never started. Raises AssertionError, and BadUseError for an unknown name."""
        found, asked = self._select("started", task, args, kwargs, worker=worker, id=id)
        if found:
            self._fail(f"{task_name(task)} not to have run{asked}", found, found[0].at)

    def assert_sent(
        self,
        task: Any,
        *,
        times: int | None = None,
        at: datetime | Iterable[datetime] | None = None,
        by: str | None = None,
        entry: str | None = None,
        queue: str | None = None,
        args: Any = None,
        kwargs: Any = None,
        id: str | None = None,  # noqa: A002 - as above
    ) -> list[Record]:
        """The task was published: so many times, at those instants, by "test", a beat or a worker, to a
        queue.

        Returns the records. Raises AssertionError, and BadUseError for an unknown name.
        """
        found, asked = self._select("sent", task, args, kwargs, by=by, entry=entry, queue=queue, id=id)
        return self._check(found, task, f"to have been sent{asked}", times=times, at=at)

    def assert_retried(
        self,
        task: Any,
        *,
        times: int | None = None,
        at: datetime | Iterable[datetime] | None = None,
        args: Any = None,
        kwargs: Any = None,
        id: str | None = None,  # noqa: A002 - as above
    ) -> list[Record]:
        """The task asked for a retry: so many times, each to be due at those instants (aware, to the second).

        Whether a retry ran is for `assert_ran`. Returns the records. Raises AssertionError, and BadUseError for an
        unknown name.
        """
        found, asked = self._select("retried", task, args, kwargs, id=id)
        return self._check(found, task, f"to have asked for a retry{asked}", times=times, at=at, when=_retry_at)

    def assert_idle(self) -> None:
        """Nothing is queued, scheduled or unacked. Raises AssertionError."""
        left = self.pending()
        if left:
            self._fail("nothing to be pending\n" + "\n".join(lines(left)), [], None)

    def _select(self, kind: str, task: Any, args: Any, kwargs: Any, **names: str | None) -> tuple[list[Record], str]:
        """The records that are asked for, and the question in words."""
        checks = {name: value for name, value in names.items() if value is not None}
        for name, value in checks.items():
            self.timeline.check(value, NAMES[name])
        check_wanted(args, kwargs)
        values = {name: value for name, value in (("args", args), ("kwargs", kwargs)) if value is not None}
        found = [
            record
            for record in self.timeline.of(kind, task)
            if all(getattr(record, name) == value for name, value in checks.items())
            and all(match(value, getattr(record, name)) for name, value in values.items())
        ]
        words = [f" on {value}" if name == "worker" else f", {name} {value}" for name, value in checks.items()]
        return found, "".join((*words, *(f", {name} {value!r}" for name, value in values.items())))

    def _check(
        self,
        found: list[Record],
        task: Any,
        asked: str,
        *,
        times: int | None,
        at: datetime | Iterable[datetime] | None,
        when: Callable[[Record], datetime] = lambda record: record.at,
    ) -> list[Record]:
        due, wanted = None if at is None else instants(at), f"{task_name(task)} {asked}"
        if due is not None:
            wanted += " at " + ", ".join(f"{i.astimezone(self.timeline.zone):%F %T %Z}" for i in due)
            good = sorted(when(record).replace(microsecond=0) for record in found) == due
        else:
            good = bool(found) or times == 0
        if times is not None:
            wanted += f" {times} times"
            good = good and len(found) == times
        if not good:
            self._fail(wanted, found, due[0] if due else None, task_name(task))
        return found

    def _fail(self, wanted: str, found: list[Record], near: datetime | None, task: str = "") -> None:
        seen = table(found[:FOUND], self.timeline.zone, more=len(found) - FOUND) if found else "nothing"
        known = "".join(f"known cause: {cause}\n" for cause in causes(list(self.timeline), task))
        message = f"wanted {wanted}\nfound {len(found)}: {seen}\n{known}the timeline around it:\n"
        raise AssertionError(message + self.timeline.excerpt(near))

    def pending(self) -> Pending:
        """What is queued, scheduled and unacked right now."""
        raise NotImplementedError


def _retry_at(record: Record) -> datetime:
    return record.when or record.at
