"""A sweep: one bulk decision over a frozen set of return requests, in chunks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from . import cutoff
from .returns import Decision

# Rows that one task decides in one transaction. Fewer lose time to commits and messages (1,000: half as much again);
# more hold SQLite's only writer for longer than a click may take.
CHUNK_ROWS: Final = 5_000


@dataclass(frozen=True)
class Frozen:
    """The return requests that were committed at one instant: ids up to `up_to_id` that `snapshot` contains."""

    up_to_id: int
    snapshot: str = ""  # the database's own text; an empty one contains every id


@dataclass(frozen=True)
class Scope(Frozen):
    """The frozen set of a sweep, received from `received_from` on and before `received_before` (aware, or no bound)."""

    received_from: datetime | None = None
    received_before: datetime | None = None


def received_from(kind: Decision, now: datetime) -> datetime | None:
    """Return since when a request must be received to be decided at `now` (aware), or None. Raises NaiveInstant."""
    # Rows received before the latest cutoff can only be declined, however late; others can be approved until the next.
    return cutoff.latest(now) if kind is Decision.APPROVE else None


def scope(kind: Decision, frozen: Frozen, now: datetime) -> Scope:
    """Return what a sweep of the frozen set, started at `now` (aware), decides. Raises NaiveInstant."""
    since = received_from(kind, now)
    return Scope(frozen.up_to_id, frozen.snapshot, since, None if since else cutoff.latest(now))


def expires_at(kind: Decision, started_at: datetime) -> datetime | None:
    """Return when a sweep expires (UTC): an approval at the next cutoff, a decline never. Raises NaiveInstant."""
    return cutoff.upcoming(started_at) if kind is Decision.APPROVE else None


def has_expired(expires: datetime | None, now: datetime) -> bool:
    """Whether a sweep that expires at `expires` can no longer decide at `now`: the instant itself is too late."""
    return expires is not None and cutoff.in_utc(now) >= expires


class IdRange(NamedTuple):
    """The ids from `first_id` to `last_id`, both inclusive."""

    first_id: int
    last_id: int


def id_ranges(first_id: int, last_ids: Iterable[int]) -> Iterator[IdRange]:
    """Yield ranges from `first_id` on, without a gap, to each of `last_ids`. Raises ValueError where one falls."""
    for last in last_ids:
        if last < first_id:
            raise ValueError(f"last id {last} lies before {first_id}, where its range begins")
        yield IdRange(first_id, last)
        first_id = last + 1


class SweepState(StrEnum):
    """The state of a sweep, as pages show it."""

    PLANNING = "planning"
    RUNNING = "running"
    DONE = "done"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Progress(NamedTuple):
    """Counts of rows: `decided` by the sweep, `left` undecided in its set (once it is closed: when it closed).

    `expired` is whether it expired before it closed. A sweep that closed earlier with rows left was cancelled.
    """

    decided: int
    left: int
    planned: bool
    closed: bool
    expired: bool

    @property
    def percent(self) -> int:
        """Return 0 to 100, rounded down: 100 means that nothing is left."""
        return 100 * self.decided // (self.decided + self.left) if self.left else 100

    @property
    def state(self) -> SweepState:
        """Done once everything is decided, whatever the time; otherwise expired, cancelled, running or planning."""
        if self.closed and not self.left:
            return SweepState.DONE
        if self.closed or self.expired:
            return SweepState.EXPIRED if self.expired else SweepState.CANCELLED
        return SweepState.RUNNING if self.planned else SweepState.PLANNING
