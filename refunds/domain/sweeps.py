"""A sweep: one bulk decision over a frozen set of return requests, in chunks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from . import cutoff
from .instants import in_utc
from .returns import Decision

# Rows that one task decides in one transaction. Fewer lose time to commits and messages (1,000: half as much again);
# more hold SQLite's only writer for longer than a click may take (docs/adr/0004-chunks.md).
CHUNK_ROWS: Final = 5_000


@dataclass(frozen=True)
class Frozen:
    """The return requests that were committed at one instant: ids up to `up_to_id` that `snapshot` sees.

    `snapshot` is text of the database's own, which the database alone compares; empty means every id up to the highest.
    """

    up_to_id: int
    snapshot: str = ""


@dataclass(frozen=True)
class Scope:
    """The frozen set of a sweep: ids up to `up_to_id`, received from `received_from` on and before `received_before`.

    Both instants are aware, or None for no bound. `snapshot` is that of `Frozen`.
    """

    up_to_id: int
    received_from: datetime | None = None
    received_before: datetime | None = None
    snapshot: str = ""

    def includes(self, request_id: int, received_at: datetime) -> bool:
        """Whether a return request with this id, received then (aware), is in the set; the snapshot is not asked.

        Raises NaiveInstant.
        """
        received = in_utc(received_at)
        return (
            request_id <= self.up_to_id
            and (self.received_from is None or received >= self.received_from)
            and (self.received_before is None or received < self.received_before)
        )


def scope(kind: Decision, frozen: Frozen, now: datetime) -> Scope:
    """What a sweep of the frozen set, started at `now` (aware), covers.

    The last cut-off parts the pending rows in two: what was received before it is owed a decline and can no longer be
    approved, however late the decline comes; the rest can be approved until the next one. Raises NaiveInstant.
    """
    line = cutoff.latest(now)
    if kind is Decision.DECLINE:
        return Scope(frozen.up_to_id, received_before=line, snapshot=frozen.snapshot)
    return Scope(frozen.up_to_id, received_from=line, snapshot=frozen.snapshot)


@dataclass(frozen=True)
class IdRange:
    """The ids from `first_id` to `last_id`, both inclusive, that one chunk decides."""

    first_id: int
    last_id: int


def expires_at(kind: Decision, started_at: datetime) -> datetime | None:
    """When the sweep may decide nothing more (UTC): an approval at the next cut-off, a decline never.

    Raises NaiveInstant.
    """
    return cutoff.upcoming(started_at) if kind is Decision.APPROVE else None


def has_expired(expires: datetime | None, now: datetime) -> bool:
    """Whether a sweep that expires at `expires` may no longer decide at `now`: the instant itself is too late."""
    return expires is not None and in_utc(now) >= expires


def id_ranges(first_id: int, boundaries: Iterable[int]) -> Iterator[IdRange]:
    """Chunks from `first_id` on without gap or overlap, each ending at one of the rising `boundaries`.

    The first id is that of the first row to decide: what was decided in years before is in no chunk's range. The
    boundaries are the id of every nth row, so that each chunk holds n of them however many holes the ids have. Raises
    ValueError where they do not rise.
    """
    for last in boundaries:
        if last < first_id:
            raise ValueError(f"chunk boundary {last} lies before {first_id}, where its chunk begins")
        yield IdRange(first_id, last)
        first_id = last + 1


class SweepState(StrEnum):
    """How a sweep stands, for people."""

    PLANNING = "planning"
    RUNNING = "running"
    DONE = "done"
    LAPSED = "expired"


@dataclass(frozen=True)
class Progress:
    """Counts of rows: `decided` by the sweep, `left` undecided in its set (once it is closed: when it closed)."""

    decided: int
    left: int
    planned: bool
    closed: bool
    expired: bool

    @property
    def percent(self) -> int:
        """0 to 100, rounded down, so that 100 means that nothing is left."""
        total = self.decided + self.left
        return 100 if total == 0 else 100 * self.decided // total

    @property
    def state(self) -> SweepState:
        """A sweep that decided all it covers is done, whatever the hour; otherwise one past its expire has expired."""
        if self.closed and self.left == 0:
            return SweepState.DONE
        if self.expired:
            return SweepState.LAPSED
        return SweepState.RUNNING if self.planned else SweepState.PLANNING
