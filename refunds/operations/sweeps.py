"""Bulk decisions: started at the cutoff or by the button, planned into chunks, decided chunk by chunk."""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, Sum

from .. import outbox, queries
from ..domain import cutoff
from ..domain import sweeps as rules
from ..domain.returns import CUTOFF_CODE, Decision
from ..errors import UnknownRow
from ..frozen import freeze
from ..models import Chunk, ReturnRequest, Sweep
from .decisions import decide


def decline_pending(now: datetime) -> tuple[Sweep, bool]:
    """Decline what is pending from before the latest cutoff; return what `start` returns."""
    frozen = freeze()
    close_expired(now)  # first, while what the approvals left can still be counted
    return start(Decision.DECLINE, frozen, None, now, scheduled_for=cutoff.latest(now))


def start(kind: Decision, frozen: rules.Frozen, by: User | None, now: datetime, **key: object) -> tuple[Sweep, bool]:
    """Start a sweep by one row and one message. Return the sweep of `key`, and whether this call created it."""
    columns = {**vars(rules.scope(kind, frozen, now)), "expires_at": rules.expires_at(kind, now)}
    columns |= {"started_at": now, "started_by": by, "dispatched_at": now}
    with transaction.atomic():
        sweep, created = Sweep.objects.get_or_create(kind=kind, **key, defaults=columns)
        if created:
            send_plans([sweep])
    return sweep, created


def plan_sweep(sweep_id: int, now: datetime) -> int:
    """Write the sweep's chunks, unless it is planned, closed or expired; return how many. Raises UnknownRow."""
    # Committed before the work: its message is no longer in the queue, and not lost.
    Sweep.objects.filter(pk=sweep_id, planned_at=None).update(dispatched_at=now)
    with transaction.atomic():
        sweep = Sweep.objects.select_for_update().filter(pk=sweep_id).first()
        if sweep is None:
            raise UnknownRow("sweep", sweep_id)
        if sweep.planned_at or sweep.closed_at or rules.has_expired(sweep.expires_at, now):
            return 0
        ranges = queries.chunk_ranges(queries.pending(sweep), rules.CHUNK_ROWS)
        chunks = Chunk.objects.bulk_create(Chunk(sweep=sweep, dispatched_at=now, **ids._asdict()) for ids in ranges)
        sweep.planned_at = now
        sweep.save(update_fields=["planned_at"])
        send_chunks(chunks)
    close_done(now, sweep_id)
    return len(chunks)


def decide_chunk(chunk_id: int, now: datetime) -> int:
    """Decide every row of the chunk that is still requested, with a refund for each approved one; return how many.

    Change nothing where the chunk is done, or its sweep closed or expired. Raises UnknownRow.
    """
    Chunk.objects.filter(pk=chunk_id, done_at=None).update(dispatched_at=now)  # as in plan_sweep
    with transaction.atomic():
        chunk = Chunk.objects.select_for_update().filter(pk=chunk_id).first()
        if chunk is None:
            raise UnknownRow("chunk", chunk_id)
        sweep = chunk.sweep  # read after the lock: an operator who closes a sweep locks its chunks first
        if chunk.done_at or sweep.closed_at or rules.has_expired(sweep.expires_at, now):
            return 0
        ids = rules.IdRange(chunk.first_id, chunk.last_id)
        pending = queries.pending(sweep).filter(pk__range=ids)
        decided = ReturnRequest.objects.filter(pk__range=ids, sweep=sweep)
        by = {"sweep": sweep, "decided_by": sweep.started_by_id}
        code = {"decision_code": CUTOFF_CODE} if sweep.scheduled_for else {}
        chunk.decided = decide(pending, decided, Decision(sweep.kind), ids, now, **by, **code)
        chunk.totals, chunk.done_at = queries.totals(decided, Q())[0], now
        chunk.save(update_fields=["decided", "totals", "done_at"])
    # After the commit, so that of two last chunks at once the later sees both done.
    close_done(now, sweep.pk)
    return chunk.decided


def close_done(now: datetime, sweep_id: int | None = None) -> None:
    """Close the planned sweep that has no open chunk; without an id, all of them."""
    done = ~Q(pk__in=Chunk.objects.filter(done_at=None).values("sweep"))
    rows = Sweep.objects.all() if sweep_id is None else Sweep.objects.filter(pk=sweep_id)
    rows.filter(done, closed_at=None, planned_at__isnull=False).update(closed_at=now, left=0)


def close_expired(now: datetime) -> int:
    """Close the sweeps that have expired, each with the number of rows it left undecided; return how many it closed."""
    closed = 0
    for sweep in Sweep.objects.filter(closed_at=None, expires_at__lte=now):
        with transaction.atomic():
            left = queries.pending(sweep).count()
            closed += Sweep.objects.filter(pk=sweep.pk, closed_at=None).update(closed_at=now, left=left)
    return closed


def progress(sweep: Sweep, now: datetime) -> rules.Progress:
    """Count from the rows how far the sweep is."""
    decided = sweep.chunks.aggregate(total=Sum("decided"))["total"] or 0
    left = queries.pending(sweep).count() if sweep.left is None else sweep.left
    expired = rules.has_expired(sweep.expires_at, sweep.closed_at or now)
    return rules.Progress(decided, left, sweep.planned_at is not None, sweep.closed_at is not None, expired)


def send_plans(sweeps: Iterable[Sweep]) -> None:
    """Send a message to plan each sweep, on commit; the message expires with the sweep."""
    for sweep in sweeps:
        outbox.on_commit(outbox.PLAN_SWEEP, [{"sweep_id": sweep.pk}], expires=sweep.expires_at)


def send_chunks(chunks: Iterable[Chunk]) -> None:
    """Send a message to decide each chunk, on commit; the message expires with the chunk's sweep."""
    for sweep, group in groupby(chunks, key=lambda chunk: chunk.sweep):
        outbox.on_commit(outbox.DECIDE_CHUNK, [{"chunk_id": chunk.pk} for chunk in group], expires=sweep.expires_at)
