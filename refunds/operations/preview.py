"""What a decision would do, before it is confirmed."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from .. import queries
from ..domain import cutoff
from ..domain import sweeps as rules
from ..domain.returns import Decision
from ..frozen import freeze, within
from ..models import ReturnRequest, Sweep


@dataclass(frozen=True)
class Chosen:
    """What a decision on chosen requests would change."""

    rows: QuerySet[ReturnRequest] = field(compare=False)
    totals: list[tuple[str, int, int]]  # currency, count, sum in minor units
    owed_decline: int = 0  # pending, and received before the latest cutoff: these can only be declined

    @property
    def count(self) -> int:
        """Return how many requests would be decided, in all currencies."""
        return sum(count for _, count, _ in self.totals)


@dataclass(frozen=True, kw_only=True)
class Preview(Chosen):
    """What approving all of the frozen set would change; `expires_at` is in UTC."""

    frozen: rules.Frozen
    expires_at: datetime


def preview(now: datetime) -> Preview:
    """Freeze a set, and return what a sweep of it started at `now` (aware) would approve. Raises NaiveInstant."""
    frozen = freeze()
    found = chosen(within(ReturnRequest.objects.all(), frozen), Decision.APPROVE, now)
    return Preview(found.rows, found.totals, found.owed_decline, frozen=frozen, expires_at=cutoff.upcoming(now))


def chosen(rows: QuerySet[ReturnRequest], decision: Decision, now: datetime) -> Chosen:
    """Return what `decision` at `now` (aware) would change of `rows`. Raises NaiveInstant."""
    pending = rows.filter(queries.PENDING)
    if decision is Decision.DECLINE:
        return Chosen(pending, queries.totals(pending))
    line = cutoff.latest(now)
    return Chosen(pending.filter(received_at__gte=line), *queries.totals_since(pending, line))


def started(key: str) -> Sweep | None:
    """Return the sweep that a confirmation with this key has started."""
    return Sweep.objects.filter(key=key).first()
