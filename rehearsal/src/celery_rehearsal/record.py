"""One thing that happened, and the line of a table that it prints as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


# The records whose line shows the arguments, and how many characters of them.
SHOWN, ROOM = {"sent", "started"}, 60


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened.

    `at` and `when` (the ETA, or the instant of the retry) are aware datetimes in UTC. `attempt` is 1 for the
    first run. `worker` is the worker or beat in which it happened, `by` who sent the message: a worker, a
    beat or "test". `args`, `kwargs` and `result` are copies of the values that the worker reads from the message and
    that the task returns; `shown` is Celery's repr of the arguments.
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
    args: tuple[Any, ...] = field(default=(), hash=False)
    kwargs: dict[str, Any] = field(default_factory=dict, hash=False)
    result: Any = field(default=None, hash=False)
    shown: str = ""
    when: datetime | None = None
    expires: datetime | None = None
    detail: str = ""

    def row(self, zone: tzinfo) -> tuple[str, ...]:
        """The record as the cells of the table, local time first."""
        local, utc = self.at.astimezone(zone), self.at
        notes = [
            self.kind in SHOWN and shorten(self.shown),
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


def shorten(text: str) -> str:
    """Return the text, cut to the room that a line has for arguments."""
    return text if len(text) <= ROOM else f"{text[: ROOM - 3]}..."
