"""Decisions on chosen return requests, and what a decision would change, before it is confirmed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Preview:
    """What a decision would change of a frozen set: `rows`, and how many and how much they are."""

    frozen: rules.Frozen
    rows: QuerySet[ReturnRequest] = field(compare=False)
    totals: list[tuple[str, int, int]]  # currency, count, sum in minor units
    only_declinable: int  # pending, and received before the latest cutoff: an approval leaves these out

    @property
    def count(self) -> int:
        """Return how many requests would be decided, in all currencies."""
        return sum(count for _, count, _ in self.totals)


def preview(decision: Decision, now: datetime, among: QuerySet[ReturnRequest] | None = None) -> Preview:
    """Freeze a set, and return what `decision` at `now` (aware) would change of it. Raises NaiveInstant."""
    rows = ReturnRequest.objects.all() if among is None else among
    pending = rows.filter(queries.PENDING, frozen_in(frozen := freeze()))
    allowed = Q(received_at__gte=cutoff.latest(now)) if decision is Decision.APPROVE else Q()
    return Preview(frozen, pending.filter(allowed), *queries.totals(pending, allowed))


def decide_chosen(
    ids: Sequence[int],
    decision: Decision,
    *,
    by: User | None,
    note: str,
    now: datetime,
    clock: Callable[[], datetime] | None = None,
) -> int:
    """Approve or decline those of `ids` that are still requested, in chunks; return how many.

    A request that was received before the latest cutoff can only be declined. `clock` returns when each chunk after the
    first begins, because the cutoff can come between two; the default is `now`.
    """
    decided = 0
    for start in range(0, len(ids), rules.CHUNK_ROWS):
        at = clock() if clock and start else now
        decided += _decide_some(ids[start : start + rules.CHUNK_ROWS], decision, by, note, at)
    return decided


def _decide_some(ids: Sequence[int], decision: Decision, by: User | None, note: str, now: datetime) -> int:
    rows = ReturnRequest.objects.filter(pk__in=ids)
    with transaction.atomic():
        allowed = rows
        if decision is Decision.APPROVE:
            allowed = queries.pending(rules.scope(decision, rules.Frozen(max(ids)), now)).filter(pk__in=ids)
        decided = queries.decide_rows(allowed, decision, now, decided_by=by, decision_note=note)
        if decision is Decision.APPROVE and decided:
            queries.insert_refunds(rows, now)
            outbox.on_commit(outbox.PAY_REFUNDS, [{"first_id": min(ids), "last_id": max(ids)}])
    return decided
