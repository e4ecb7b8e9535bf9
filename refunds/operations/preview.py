"""What the button would do, before it is pressed."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from .. import queries
from ..domain import sweeps as rules
from ..domain.cutoff import latest, upcoming
from ..domain.returns import Decision
from ..frozen import freeze
from ..models import ReturnRequest, Sweep


@dataclass(frozen=True)
class Preview:
    """What approving all would cover at an instant.

    `totals` holds (currency, how many, sum in minor units) for each currency. `owed_decline` counts the pending
    requests that were received before the last cut-off and can no longer be approved. `expires_at` is in UTC.
    """

    frozen: rules.Frozen
    totals: list[tuple[str, int, int]]
    owed_decline: int
    expires_at: datetime

    @property
    def count(self) -> int:
        """How many requests would be approved, in all currencies."""
        return sum(count for _, count, _ in self.totals)


def preview(now: datetime) -> Preview:
    """What a sweep started at `now` (aware) would approve of the set that is frozen here.

    Raises NaiveInstant.
    """
    frozen = freeze()
    rows = queries.pending(rules.Scope(frozen.up_to_id, snapshot=frozen.snapshot))
    totals, owed_decline = queries.parted_totals(rows, latest(now))
    return Preview(frozen, totals, owed_decline, expires_at=upcoming(now))


@dataclass(frozen=True)
class Chosen:
    """What a decision on chosen requests would scope: `rows`, and their (currency, how many, sum in minor units).

    `owed_decline` counts the pending among the chosen that were received before the last cut-off and can no longer be
    approved.
    """

    rows: QuerySet[ReturnRequest]
    totals: list[tuple[str, int, int]]
    owed_decline: int = 0

    @property
    def count(self) -> int:
        """How many requests would be decided, in all currencies."""
        return sum(count for _, count, _ in self.totals)


def chosen(rows: QuerySet[ReturnRequest], decision: Decision, now: datetime) -> Chosen:
    """What `decision` at `now` (aware) would cover of `rows`. Raises NaiveInstant."""
    pending = rows.filter(queries.PENDING)
    if decision is Decision.DECLINE:
        return Chosen(pending, queries.totals(pending))
    line = latest(now)
    totals, owed_decline = queries.parted_totals(pending, line)
    return Chosen(pending.filter(received_at__gte=line), totals, owed_decline)


def started(key: str) -> Sweep | None:
    """The sweep that a press of the button with this key has started, if it has."""
    return Sweep.objects.filter(key=key).first()
