"""The safety net: what the rows say is undone is sent again, and what stays undone is reported."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from .. import dispatch, store
from ..domain import cutoff
from ..domain import sweeps as rules
from ..domain.returns import Decision
from ..gateways import BulkGateway, Gateway
from ..models import Chunk, Refund, ReturnRequest, Sweep
from . import PATIENCE, sweeps

# The most messages of a kind that one run sends; the next run, 30 seconds later, sends more.
BATCH: Final = 1_000
# A sweep or a cut-off that has not moved for this long wants a person: the reconciler has had ten tries at it.
STALLED: Final = timedelta(minutes=5)
# A refund that nothing has attempted for this long after it was due wants a person.
UNPAID: Final = timedelta(minutes=15)


def reconcile(now: datetime, *, gateway: Gateway) -> dict[str, int]:
    """Send again whatever has no message any more; return how many of each were sent."""
    sent = {"closed": sweeps.close_lapsed(now), "cutoffs": 0}
    if missed_cutoff(now):
        _, created = sweeps.decline_pending(now)
        sent["cutoffs"] = int(created)
    return sent | {
        "plans": _resend_plans(now),
        "chunks": _resend_chunks(now),
        "refunds": _resend_refunds(now, gateway),
    }


def missed_cutoff(now: datetime) -> datetime | None:
    """The latest cut-off, where it has no sweep although there were return requests before it."""
    line = cutoff.latest(now)
    if Sweep.objects.filter(kind=Decision.DECLINE, scheduled_for=line).exists():
        return None
    first = ReturnRequest.objects.order_by("pk").first()
    return line if first is not None and first.received_at < line else None


def _resend_plans(now: datetime) -> int:
    with transaction.atomic():
        rows = Sweep.objects.select_for_update(skip_locked=True).filter(
            _open(now), planned_at=None, closed_at=None, dispatched_at__lte=now - PATIENCE
        )
        stale = list(rows[:BATCH])
        Sweep.objects.filter(pk__in=[sweep.pk for sweep in stale]).update(dispatched_at=now)
        sweeps.send_plans(stale)
    for sweep_id in Sweep.objects.filter(planned_at__isnull=False, closed_at=None).values_list("pk", flat=True):
        sweeps.close_if_done(sweep_id, now)
    return len(stale)


def _resend_chunks(now: datetime) -> int:
    with transaction.atomic():
        rows = (
            Chunk.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("sweep")
            .filter(_open(now, "sweep__"), done_at=None, sweep__closed_at=None, dispatched_at__lte=now - PATIENCE)
        )
        stale = list(rows.order_by("dispatched_at")[:BATCH])
        Chunk.objects.filter(pk__in=[chunk.pk for chunk in stale]).update(dispatched_at=now)
        sweeps.send_chunks(stale)
    return len(stale)


def _open(now: datetime, prefix: str = "") -> Q:
    return Q(**{f"{prefix}lapses_at": None}) | Q(**{f"{prefix}lapses_at__gt": now})


def _resend_refunds(now: datetime, gateway: Gateway) -> int:
    with transaction.atomic():
        rows = Refund.objects.select_for_update(skip_locked=True).filter(
            store.UNPAID, due_at__lte=now, dispatched_at__lte=now - PATIENCE
        )
        limit = rules.CHUNK_ROWS if isinstance(gateway, BulkGateway) else BATCH
        stale = list(rows.order_by("due_at").values_list("pk", flat=True)[:limit])
        Refund.objects.filter(pk__in=stale).update(dispatched_at=now)
        if stale and isinstance(gateway, BulkGateway):
            dispatch.on_commit(dispatch.PAY_REFUNDS, [{"first_id": min(stale), "last_id": max(stale)}])
        else:
            dispatch.on_commit(dispatch.PAY_REFUND, [{"refund_id": pk} for pk in stale])
    return len(stale)


def health(now: datetime) -> list[str]:
    """A line for each thing that is overdue and that the reconciler has not mended; none when all is well."""
    return [*_missed(now), *_stalled(now), *_unpaid(now)]


def _missed(now: datetime) -> list[str]:
    line = missed_cutoff(now)
    if line is None or now - line < STALLED:
        return []
    return [
        (
            f"missed cut-off: nothing was declined at {_local(line)}; "
            "start beat and a worker, or run: python -m refunds decline_all"
        )
    ]


def _stalled(now: datetime) -> list[str]:
    open_sweeps = Sweep.objects.filter(_open(now), closed_at=None).annotate(moved=Max("chunks__done_at"))
    lines = []
    for sweep in open_sweeps.order_by("pk"):
        moved = max(filter(None, (sweep.started_at, sweep.planned_at, sweep.moved)))
        if now - moved >= STALLED:
            left = sweeps.progress(sweep, now).left
            lines.append(f"stalled sweep: {sweep} has not moved since {_local(moved)}, {left} left; start a worker")
    return lines


def _unpaid(now: datetime) -> list[str]:
    late = Refund.objects.filter(store.UNPAID, due_at__lte=now - UNPAID)
    oldest = late.order_by("due_at").first()
    if oldest is None:
        return []
    return [
        (
            f"unpaid refunds: {late.count()} past their time, the oldest (refund {oldest.pk}) due "
            f"{_local(oldest.due_at)}; start a worker on the queues payments and upkeep"
        )
    ]


def _local(instant: datetime) -> str:
    return f"{timezone.localtime(instant, cutoff.ZONE):%Y-%m-%d %H:%M:%S %Z}"
