"""Bulk decisions: started by a button or a cut-off, planned into chunks, decided chunk by chunk."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, Sum

from .. import outbox, queries
from ..domain import cutoff
from ..domain import sweeps as rules
from ..domain.returns import Decision
from ..errors import UnknownRow
from ..frozen import freeze
from ..models import Chunk, ReturnRequest, Sweep


def start_approve(*, key: str, frozen: rules.Frozen, by: User | None, now: datetime) -> tuple[Sweep, bool]:
    """Start the sweep that approves what is pending in the frozen set; the same key again leads to the first one.

    One row and one message, however many rows wait. Returns the sweep and whether this call started it.
    """
    return _start(Decision.APPROVE, rules.scope(Decision.APPROVE, frozen, now), by, now, key=key)


def decline_pending(now: datetime) -> tuple[Sweep, bool]:
    """Start the decline sweep of the latest cut-off, unless it has been started.

    Beat calls this at 18:00; whoever calls it late, early or again finds the cut-off from `now` and the sweep by it.
    """
    scope = rules.scope(Decision.DECLINE, freeze(), now)
    close_expired(now)  # first, while what the approvals left is still to be counted
    return _start(Decision.DECLINE, scope, None, now, scheduled_for=cutoff.latest(now))


def _start(
    kind: Decision,
    scope: rules.Scope,
    by: User | None,
    now: datetime,
    **identity: str | datetime,
) -> tuple[Sweep, bool]:
    with transaction.atomic():
        sweep, created = Sweep.objects.get_or_create(
            kind=kind,
            **identity,
            defaults={
                "up_to_id": scope.up_to_id,
                "snapshot": scope.snapshot,
                "received_from": scope.received_from,
                "received_before": scope.received_before,
                "started_at": now,
                "started_by": by,
                "expires_at": rules.expires_at(kind, now),
                "dispatched_at": now,
            },
        )
        if created:
            send_plans([sweep])
    return sweep, created


def plan_sweep(sweep_id: int, now: datetime) -> int:
    """Write the sweep's chunks, unless it is planned, closed or expired; return how many chunks were written.

    Raises UnknownRow.
    """
    # Committed before the work: while it is in hand its message is not in the queue, and not lost.
    Sweep.objects.filter(pk=sweep_id, planned_at=None).update(dispatched_at=now)
    with transaction.atomic():
        sweep = _locked(sweep_id)
        if sweep.planned_at or sweep.closed_at or rules.has_expired(sweep.expires_at, now):
            return 0
        rows = queries.pending(queries.scope_of(sweep))
        # Rows committed since the set was frozen are left to the next sweep, wherever their ids lie.
        first = queries.lowest_id(rows)
        ends = queries.boundaries(rows, first, rules.CHUNK_ROWS)
        chunks = Chunk.objects.bulk_create(
            Chunk(sweep=sweep, first_id=id_range.first_id, last_id=id_range.last_id, dispatched_at=now)
            for id_range in rules.id_ranges(first, ends)
        )
        sweep.planned_at = now
        sweep.save(update_fields=["planned_at"])
        send_chunks(chunks)
    close_if_done(sweep_id, now)
    return len(chunks)


def _locked(sweep_id: int) -> Sweep:
    sweep = Sweep.objects.select_for_update().filter(pk=sweep_id).first()
    if sweep is None:
        raise UnknownRow("sweep", sweep_id)
    return sweep


def decide_chunk(chunk_id: int, now: datetime) -> int:
    """Decide every row of the chunk that is still requested, owe a refund for each one approved; return how many.

    A chunk that is done, or whose sweep has expired, is left as it is. Raises UnknownRow.
    """
    Chunk.objects.filter(pk=chunk_id, done_at=None).update(dispatched_at=now)  # as in plan_sweep
    with transaction.atomic():
        chunk = Chunk.objects.select_for_update(of=("self",)).select_related("sweep").filter(pk=chunk_id).first()
        if chunk is None:
            raise UnknownRow("chunk", chunk_id)
        sweep = chunk.sweep
        if chunk.done_at or sweep.closed_at or rules.has_expired(sweep.expires_at, now):
            return 0
        kind, id_range = Decision(sweep.kind), (chunk.first_id, chunk.last_id)
        rows = queries.pending(queries.scope_of(sweep)).filter(pk__range=id_range)
        chunk.decided = queries.decide_rows(rows, kind, now, sweep=sweep, decided_by=sweep.started_by_id)
        chunk.done_at = now
        chunk.save(update_fields=["decided", "done_at"])
        if kind is Decision.APPROVE and chunk.decided:
            queries.insert_refunds(ReturnRequest.objects.filter(pk__range=id_range, sweep=sweep), now)
            outbox.on_commit(outbox.PAY_REFUNDS, [{"first_id": id_range[0], "last_id": id_range[1]}])
    # After the commit, so that of two last chunks at once the later sees both done.
    close_if_done(sweep.pk, now)
    return chunk.decided


def close_if_done(sweep_id: int, now: datetime) -> None:
    """Close a planned sweep that has no open chunk."""
    done = ~Q(pk__in=Chunk.objects.filter(sweep=sweep_id, done_at=None).values("sweep"))
    Sweep.objects.filter(done, pk=sweep_id, closed_at=None, planned_at__isnull=False).update(closed_at=now, left=0)


def close_expired(now: datetime) -> int:
    """Close the sweeps that have expired, each with the number of rows it left undecided; return how many it closed."""
    closed = 0
    for sweep in Sweep.objects.filter(closed_at=None, expires_at__lte=now):
        with transaction.atomic():
            left = queries.pending(queries.scope_of(sweep)).count()
            closed += Sweep.objects.filter(pk=sweep.pk, closed_at=None).update(closed_at=now, left=left)
    return closed


def progress(sweep: Sweep, now: datetime) -> rules.Progress:
    """How far the sweep is, counted from rows."""
    decided = sweep.chunks.aggregate(total=Sum("decided"))["total"] or 0
    left = queries.pending(queries.scope_of(sweep)).count() if sweep.left is None else sweep.left
    return rules.Progress(
        decided=decided,
        left=left,
        planned=sweep.planned_at is not None,
        closed=sweep.closed_at is not None,
        expired=rules.has_expired(sweep.expires_at, now),
    )


def send_plans(sweeps: Iterable[Sweep]) -> None:
    """A message to plan each sweep, on commit; one that expires expires with it."""
    for sweep in sweeps:
        outbox.on_commit(outbox.PLAN_SWEEP, [{"sweep_id": sweep.pk}], expires=sweep.expires_at)


def send_chunks(chunks: Iterable[Chunk]) -> None:
    """A message to decide each chunk, on commit; those of a sweep that expires expire with it."""
    by_expiry: dict[datetime | None, list[Chunk]] = {}
    for chunk in chunks:
        by_expiry.setdefault(chunk.sweep.expires_at, []).append(chunk)
    for expires_at, group in by_expiry.items():
        outbox.on_commit(outbox.DECIDE_CHUNK, [{"chunk_id": chunk.pk} for chunk in group], expires=expires_at)
