"""Find the ids of a sweep's set: no index leads from a sweep to its requests, so the ids of its chunks bound them."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Max, Min, Q, QuerySet

from .. import queries
from ..domain.returns import Decision
from ..domain.sweeps import CHUNK_ROWS, IdRange
from ..models import Chunk, Sweep


def pieces(sweep: Sweep, now: datetime) -> Iterator[IdRange]:
    """Yield ranges of at most CHUNK_ROWS ids each that contain the sweep's set, in ascending order.

    Missing are rows that somebody decided by hand before the sweep was planned, if they lie further than CHUNK_ROWS ids
    outside of all chunks, or, in a sweep without chunks, below its highest id.
    """
    bounds = [sweep.chunks.aggregate(first=Min("first_id"), last=Max("last_id"))]
    bounds.append(_taken(sweep, now).aggregate(first=Min("first_id"), last=Max("last_id")))
    if sweep.planned_at is None:
        bounds.append(queries.pending(sweep).aggregate(first=Min("pk"), last=Max("pk")))
    found = [bound for bound in bounds if bound["first"]] or [{"first": sweep.up_to_id + 1, "last": sweep.up_to_id}]
    first = min(bound["first"] for bound in found) - CHUNK_ROWS  # so that pieces and contiguous chunks coincide
    last = min(sweep.up_to_id, max(bound["last"] for bound in found) + CHUNK_ROWS)
    for start in range(first, last + 1, CHUNK_ROWS):
        yield IdRange(start, min(last, start + CHUNK_ROWS - 1))


def _taken(sweep: Sweep, now: datetime) -> QuerySet[Chunk]:
    """Return the chunks by which other sweeps can have decided requests of this one's set before it was planned."""
    decline = Sweep.objects.filter(kind=Decision.DECLINE, scheduled_for__gte=sweep.started_at)
    following = None if sweep.planned_at else decline.order_by("scheduled_for").first()
    until = sweep.planned_at or (following.started_at if following else now)
    return chunks_of_others(sweep, sweep.started_at, until)


def chunks_of_others(sweep: Sweep, since: datetime, until: datetime) -> QuerySet[Chunk]:
    """Return the chunks, below the sweep's highest id, of other sweeps that ran between two instants (aware)."""
    others = Sweep.objects.filter(Q(closed_at=None) | Q(closed_at__gte=since), started_at__lte=until)
    others = others.exclude(pk=sweep.pk)
    late = Q(done_at=None) | Q(done_at__gte=since)
    return Chunk.objects.filter(late, sweep__in=others, first_id__lte=sweep.up_to_id)
