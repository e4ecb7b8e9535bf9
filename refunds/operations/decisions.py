"""Decisions on chosen return requests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from .. import outbox, queries
from ..domain import sweeps as rules
from ..domain.returns import Decision
from ..models import ReturnRequest


@dataclass(frozen=True)
class Decided:
    """How many of the chosen were decided, and how many were left as they were."""

    decided: int
    left: int


def decide_chosen(
    ids: Sequence[int],
    decision: Decision,
    *,
    by: User | None,
    note: str,
    now: datetime,
    clock: Callable[[], datetime] | None = None,
) -> Decided:
    """Approve or decline those of `ids` that are still requested, in chunks.

    A request that was received before the latest cutoff can only be declined. `clock` returns when each chunk after the
    first begins, because the cutoff can come between two; the default is `now`.
    """
    decided = 0
    for start in range(0, len(ids), rules.CHUNK_ROWS):
        at = clock() if clock and start else now
        decided += _decide_some(ids[start : start + rules.CHUNK_ROWS], decision, by, note, at)
    return Decided(decided, len(ids) - decided)


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
