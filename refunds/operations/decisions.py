"""Decisions on chosen return requests, and what a decision would change, before it is confirmed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from .. import outbox, queries, signals
from ..domain import sweeps as rules
from ..domain.returns import Decision
from ..frozen import freeze, frozen_in
from ..models import ReturnRequest

Rows = QuerySet[ReturnRequest]
Asked = Mapping[str, str] | None  # that of signals.requests_declined


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
    pending = rows.filter(queries.REQUESTED, frozen_in(frozen := freeze()))
    allowed = _allowed(decision, now)
    return Preview(frozen, pending.filter(allowed), *queries.totals(pending, allowed))


def _allowed(decision: Decision, now: datetime) -> Q:
    since = rules.received_from(decision, now)
    return Q(received_at__gte=since) if since else Q()


def decide_chosen(
    ids: Sequence[int], decision: Decision, *, by: User | None, note: str, code: str = "", now: datetime,
    clock: Callable[[], datetime] | None = None, log: Callable[[Rows], None] = lambda _: None, asked: Asked = None,
) -> int:  # fmt: skip
    """Approve or decline those of `ids` that are still requested and allowed, in chunks; return how many.

    `clock` returns when each chunk after the first begins, because the cutoff can come between two (default: `now`).
    `log` gets the rows that each chunk decided, in its transaction.
    """
    decided = 0
    for start in range(0, len(ids), rules.CHUNK_ROWS):
        some = ids[start : start + rules.CHUNK_ROWS]
        at = clock() if clock and start else now
        rows = ReturnRequest.objects.filter(pk__in=some)
        id_range = rules.IdRange(min(some), max(some))
        with transaction.atomic():
            allowed = rows.filter(_allowed(decision, at))
            columns = {"decided_by": by, "decision_note": note, "decision_code": code}
            decided += decide(allowed, rows, decision, id_range, at, asked, **columns)
            log(rows.filter(decided_by=by, decided_at=at))
    return decided


def decide(  # noqa: PLR0917  # all of them belong to one decision
    pending: Rows, decided: Rows, kind: Decision, ids: rules.IdRange, now: datetime, asked: Asked = None, /,
    **columns: object,
) -> int:  # fmt: skip
    """Decide the `pending` rows of the range; return how many. Requires a transaction around it.

    `decided` selects them afterwards. Each approved one gets its refund, and the commit sends a message to pay them.
    """
    count = queries.decide_rows(pending, kind, now, **columns)
    if kind is Decision.APPROVE and count:
        hold = timedelta(seconds=settings.REFUNDS_HOLD)
        queries.insert_refunds(decided, now, hold)
        outbox.on_commit(outbox.PAY_REFUNDS, [ids._asdict()], countdown=settings.REFUNDS_HOLD)
    elif count:
        rows, code = decided.filter(decided_at=now, **columns), columns.get("decision_code", "")
        signals.requests_declined.send(ReturnRequest, rows=rows, code=code, asked=asked or {}, now=now)
    return count
