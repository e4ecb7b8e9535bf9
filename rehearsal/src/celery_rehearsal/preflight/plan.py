"""Every instant at which beat sends one entry, in pieces: those that were driven, and those that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Driven:
    """Instants that Celery's code has named, one by one."""

    instants: tuple[datetime, ...]

    def __iter__(self) -> Iterator[datetime]:
        return iter(self.instants)

    def __len__(self) -> int:
        return len(self.instants)

    @property
    def last(self) -> datetime | None:
        """The last of them."""
        return self.instants[-1] if self.instants else None


class Again(Driven):
    """Instants near a change of the clock that Celery's code has named near an equal change."""


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

    @property
    def last(self) -> datetime | None:
        """The last of them."""
        turns, rest = divmod(self.count, len(self.gaps))
        return self.after + turns * sum(self.gaps, timedelta()) + sum(self.gaps[:rest], timedelta())


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
    def named(self) -> list[datetime]:
        """The instants that Celery's code has named, here or near an equal change of the clock, in order."""
        return [at for piece in self.pieces if isinstance(piece, Driven) for at in piece]

    def gaps(self) -> Iterator[tuple[datetime, timedelta]]:
        """Yield what lies between two instants, after the first of them; what repeats, once."""
        last = None
        for piece in self.pieces:
            for at in islice(piece, len(piece.gaps) if isinstance(piece, Follows) else None):
                if last is not None:
                    yield last, at - last
                last = at
            last = piece.last

    @property
    def driven(self) -> int:
        """How many of the instants Celery's code has named, one by one."""
        return sum(len(piece) for piece in self.pieces if type(piece) is Driven)
