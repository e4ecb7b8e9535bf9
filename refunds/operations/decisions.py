"""Decisions on chosen return requests, and what a decision would change, before it is confirmed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from .. import outbox, queries
from ..domain import cutoff
from ..domain import sweeps as rules
from ..domain.returns import Decision
from ..frozen import freeze, frozen_in
from ..models import ReturnRequest

Rows = QuerySet[ReturnRequest]
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Preview:
    """What a decision would change of a frozen set: `rows`, and how many and how much they are."""

    frozen: rules.Frozen
    rows: Rows
    totals: list[tuple[str, int, int]]  # currency, count, sum in minor units
    only_declinable: int  # pending, and received before the latest cutoff: an approval leaves these out

    @property
    def count(self) -> int:
        """Return how many requests would be decided, in all currencies."""
        return sum(count for _, count, _ in self.totals)


def preview(decision: Decision, now: datetime, among: Rows | None = None) -> Preview:
    """Freeze a set, and return what `decision` at `now` (aware) would change of it. Raises NaiveInstant."""
    rows = ReturnRequest.objects.all() if among is None else among
    pending = rows.filter(queries.PENDING, frozen_in(frozen := freeze()))
    allowed = _allowed(decision, now)
    return Preview(frozen, pending.filter(allowed), *queries.totals(pending, allowed))


def _allowed(decision: Decision, now: datetime) -> Q:
    # A request that was received before the latest cutoff can only be declined.
    return Q(received_at__gte=cutoff.latest(now)) if decision is Decision.APPROVE else Q()


def decide_chosen(
    ids: Sequence[int], decision: Decision, *, by: User | None, note: str, now: datetime, clock: Clock | None = None
) -> int:
    """Approve or decline those of `ids` that are still requested and allowed, in chunks; return how many.

    `clock` returns when each chunk after the first begins (default: `now`), because the cutoff can come between two.
    """
    decided = 0
    for start in range(0, len(ids), rules.CHUNK_ROWS):
        some, at = ids[start : start + rules.CHUNK_ROWS], clock() if clock and start else now
        rows, id_range = ReturnRequest.objects.filter(pk__in=some), rules.IdRange(min(some), max(some))
        allowed = rows.filter(_allowed(decision, at))
        with transaction.atomic():
            decided += decide(allowed, rows, decision, id_range, at, decided_by=by, decision_note=note)
    return decided


def decide(rows: Rows, among: Rows, decision: Decision, ids: rules.IdRange, now: datetime, **columns: object) -> int:
    """Decide `rows`, which are `among` those of the range; return how many. Requires a transaction around it.

    Each approved row gets its refund, and the commit sends a message to pay the range.
    """
    decided = queries.decide_rows(rows, decision, now, **columns)
    if decision is Decision.APPROVE and decided:
        queries.insert_refunds(among, now)
        outbox.on_commit(outbox.PAY_REFUNDS, [ids._asdict()])
    return decided
