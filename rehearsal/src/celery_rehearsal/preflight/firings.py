"""When beat sends each entry: Celery's own scheduler says it, one entry at a time, under the kit's clock.

Where Celery's code has named every instant of a rhythm, the rhythm goes on as long as no clock changes. Around each
change and each year's end Celery's code is driven again. Anything else is driven from its first instant to its last.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import TYPE_CHECKING

from .driver import Driver
from .errors import CannotCheckError
from .rhythm import Rhythm, State, Windows, rhythm_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, timedelta, tzinfo

    from .entries import Entry, Reading

# How many firings of one entry are driven, each in about 0.2 ms. More of them are refused.
LIMIT = 20_000


@dataclass(frozen=True, order=True)
class Firing:
    """Beat sends an entry at an instant, aware in UTC."""

    at: datetime
    entry: str


@dataclass(frozen=True)
class Driven:
    """Instants that Celery's code has named, one by one."""

    instants: tuple[datetime, ...]

    def __iter__(self) -> Iterator[datetime]:
        return iter(self.instants)

    def __len__(self) -> int:
        return len(self.instants)


@dataclass(frozen=True)
class Follows:
    """`count` instants that follow `after` by a rhythm: `gaps` again and again, while no clock changes."""

    after: datetime
    gaps: tuple[timedelta, ...]
    count: int

    def __iter__(self) -> Iterator[datetime]:
        at = self.after
        for gap in islice(cycle(self.gaps), self.count):
            at += gap
            yield at

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True)
class Plan:
    """Every instant at which beat sends one entry, after its start and up to an end, in order."""

    entry: str
    pieces: tuple[Driven | Follows, ...]

    def __iter__(self) -> Iterator[datetime]:
        for piece in self.pieces:
            yield from piece

    def __len__(self) -> int:
        return sum(map(len, self.pieces))

    @property
    def driven(self) -> int:
        """How many of the instants Celery's code has named, one by one."""
        return sum(len(piece) for piece in self.pieces if isinstance(piece, Driven))


def firings(read: Reading, end: datetime, names: Iterable[str] | None = None) -> list[Firing]:
    """Return what beat sends until `end`, sorted by instant and then by name. Raises CannotCheckError."""
    wanted = None if names is None else set(names)
    found = [plan(read, entry, end) for entry in read.entries if wanted is None or entry.name in wanted]
    return sorted(Firing(at, each.entry) for each in found for at in each)


def plan(read: Reading, entry: Entry, end: datetime, *, whole: bool = False) -> Plan:
    """Drive one entry until `end`: where it has a rhythm, only as far as needed, unless `whole`.

    Raises CannotCheckError where the entry's schedule fails, or fires more than LIMIT times without a rhythm.
    """
    rhythm = None if whole else rhythm_of(read, entry)
    if rhythm is not None:
        with Driver(read, entry) as driver:
            pieces = _with_rhythm(driver, rhythm, Windows(_zones(read, entry), read.start, end), end)
        if pieces is not None:
            return Plan(entry.name, pieces)
    with Driver(read, entry) as driver:
        return Plan(entry.name, (Driven(tuple(_every(driver, entry, end))),))


def _every(driver: Driver, entry: Entry, end: datetime) -> Iterator[datetime]:
    last = None
    for number in count():
        at = driver.fire(end)
        if at is None:
            return
        if at == last:
            raise CannotCheckError(_endless(entry))
        if number == LIMIT:
            raise CannotCheckError(_too_many(entry, end))
        last = at
        yield at


def _with_rhythm(
    driver: Driver, rhythm: Rhythm, windows: Windows, end: datetime
) -> tuple[Driven | Follows, ...] | None:
    """Return None where the entry has left its rhythm."""
    pieces: list[Driven | Follows] = []
    driven: list[datetime] = []
    while (at := driver.fire(end)) is not None:
        if driven and at == driven[-1]:
            return None
        driven.append(at)
        state = State(at, driver.waits)
        if not rhythm.came(state, windows.quiet):
            return None
        until = windows.next(at)
        if until and (steps := rhythm.follow(state, until)):
            pieces += [Driven(tuple(driven)), Follows(at, steps.gaps, steps.count)]
            driven = []
            driver.jump(*steps.state)
            rhythm.landed(steps.state)
    return (*pieces, Driven(tuple(driven))) if driven else tuple(pieces)


def _zones(read: Reading, entry: Entry) -> set[tzinfo]:
    return {entry.zone, read.app.timezone, entry.last_run_at.tzinfo or entry.zone}


def _endless(entry: Entry) -> str:
    return (
        f"entry {entry.name} fires again and again at one instant: {entry.schedule!r} leaves no pause, and beat would "
        "send it as fast as it can. Give it an interval"
    )


def _too_many(entry: Entry, end: datetime) -> str:
    kind = type(entry.schedule)
    return (
        f"entry {entry.name} fires more than {LIMIT} times until {end:%Y-%m-%d}, and its schedule, "
        f"{kind.__module__}.{kind.__qualname__}, has to be driven firing by firing. Ask for fewer days, or for another "
        "--entry"
    )
