"""When beat sends each entry: Celery's own scheduler says it, one entry at a time, under the kit's clock.

Where Celery's code has named every instant of a rhythm, the rhythm goes on as long as no clock changes. Around each
change and each year's end Celery's code is driven again, once for each state and each kind of change. Anything else is
driven from its first instant to its last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from .driver import Driver
from .errors import CannotCheckError
from .plan import Again, Driven, Follows, Plan
from .rhythm import Rhythm, State, is_known, rhythm_of
from .windows import Windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, tzinfo

    from .entries import Entry, Reading

__all__ = ["Driven", "Firing", "Follows", "Plan", "firings", "plan", "plans"]

# How many firings of one entry are driven, each in about 0.2 ms. More of them are refused. A year of an interval of a
# second has 51,000 near changes of the clocks.
LIMIT = 60_000


@dataclass(frozen=True, order=True)
class Firing:
    """Beat sends an entry at an instant, aware in UTC."""

    at: datetime
    entry: str


def firings(read: Reading, end: datetime, names: Iterable[str] | None = None) -> list[Firing]:
    """Return what beat sends until `end`, sorted by instant and then by name. Raises CannotCheckError."""
    wanted = None if names is None else set(names)
    found = plans(read, [entry for entry in read.entries if wanted is None or entry.name in wanted], end)
    return sorted(Firing(at, each.entry) for each in found for at in each)


def plans(read: Reading, entries: Iterable[Entry], end: datetime) -> list[Plan]:
    """Return the plan of each entry. Entries with equal schedules of Celery's own share one drive."""
    shared = Shared(read)
    return [shared.plan(entry, end) for entry in entries]


class Shared:
    """The plans of one reading. Entries with equal schedules of Celery's own share one drive."""

    def __init__(self, read: Reading) -> None:
        self._read = read
        self._known: list[tuple[Any, Plan]] = []

    def plan(self, entry: Entry, end: datetime) -> Plan:
        """Return the plan of an entry until an end. Raises CannotCheckError, as `plan` does."""
        state = _state(self._read, entry)
        if state is None:
            return plan(self._read, entry, end)
        shared = next((found for known, found in self._known if known == (end, state)), None)
        if shared is None:
            shared = plan(self._read, entry, end)
            self._known.append(((end, state), shared))
        return replace(shared, entry=entry.name)


def plan(read: Reading, entry: Entry, end: datetime, *, whole: bool = False) -> Plan:
    """Drive one entry until `end`: where it has a rhythm, only as far as needed, unless `whole`.

    Raises CannotCheckError where the entry's schedule fails, or more than LIMIT firings would have to be driven.
    """
    if not whole and is_known(read, entry):
        rhythm = rhythm_of(entry, Windows(_zones(read, entry), read.start, end))
        with Driver(read, entry, known=True) as driver:
            pieces = _with_rhythm(driver, entry, rhythm, end)
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


def _with_rhythm(driver: Driver, entry: Entry, rhythm: Rhythm, end: datetime) -> tuple[Driven | Follows, ...] | None:
    """Return None where the entry has left its rhythm."""
    pieces: list[Driven | Follows] = []
    driven: list[datetime] = []
    for number in count():
        at = driver.fire(end)
        if at is None:
            break
        if driven and at == driven[-1]:
            return None
        if number == LIMIT:
            raise CannotCheckError(_too_many(entry, end))
        driven.append(at)
        state = State(at, driver.waits)
        if not rhythm.came(state):
            return None
        found, after = _following(rhythm, state)
        if found:
            pieces += [Driven(tuple(driven)), *found]
            driven = []
            driver.jump(*after)
            rhythm.landed(after)
    return (*pieces, Driven(tuple(driven))) if driven else tuple(pieces)


def _following(rhythm: Rhythm, state: State) -> tuple[list[Driven | Follows], State]:
    """Return what follows a state, and the state after that."""
    found: list[Driven | Follows] = []
    while steps := rhythm.follow(state):
        follows = Follows(state.at, steps.gaps, steps.count)
        found.append(Again(tuple(follows)) if steps.near else follows)
        state = steps.state
    return found, state


def _state(read: Reading, entry: Entry) -> Any:
    """Return all that decides when an entry fires; None where nobody knows what does."""
    if not is_known(read, entry):
        return None
    return type(entry.source), entry.schedule.__reduce__(), entry.zone, entry.last_run_at


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
        f"entry {entry.name} fires too often until {end:%Y-%m-%d}: more than {LIMIT:,} firings of its schedule, a "
        f"{kind.__module__}.{kind.__qualname__}, have to be driven one by one. Ask for fewer --days, or for another "
        "--entry"
    )
