"""The safety net: what the rows say is undone is sent again, and what stays undone is reported."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, TypeVar

from django.db import transaction
from django.db.models import Max, Model, Q, QuerySet

from .. import dispatch, store
from ..domain import cutoff
from ..domain import sweeps as rules
from ..domain.pacing import RECONCILE_EVERY
from ..domain.returns import Decision
from ..gateways import BulkGateway, Gateway, Limiter
from ..models import Chunk, Refund, ReturnRequest, Sweep
from . import PATIENCE, drift, look_ups, sweeps
from . import local as _local
from .bulk_payments import send_payments

M = TypeVar("M", bound=Model)

# The most messages of a kind that one run sends; the next run, 30 seconds later, sends more.
BATCH: Final = 1_000
# A sweep or a cut-off that has not moved for this long wants a person: the reconciler has had ten tries at it.
STALLED: Final = timedelta(minutes=5)
# A refund that nothing has attempted for this long after it was due wants a person.
UNPAID: Final = timedelta(minutes=15)
# A customer who has not been told for this long wants a person, and from then on a mail is tried this often.
UNTOLD: Final = timedelta(minutes=15)


def reconcile(now: datetime, *, gateway: Gateway, limiter: Limiter | None = None) -> dict[str, int]:
    """Send again whatever has no message any more; return how many of each were sent.

    Of refunds no more than the limiter lets through until the next look.
    """
    sent = {"closed": sweeps.close_lapsed(now), "cutoffs": 0}
    if missed_cutoff(now):
        _, created = sweeps.decline_pending(now)
        sent["cutoffs"] = int(created)
    return sent | {
        "plans": _resend_plans(now),
        "chunks": _resend_chunks(now),
        "refunds": _resend_refunds(now, gateway, limiter),
        "notices": _resend_notices(now),
        "look_ups": look_ups.send_look_ups(now, limiter),
    }


def missed_cutoff(now: datetime) -> datetime | None:
    """The latest cut-off, where it has no sweep although there were return requests before it."""
    line = cutoff.latest(now)
    if Sweep.objects.filter(kind=Decision.DECLINE, scheduled_for=line).exists():
        return None
    first = ReturnRequest.objects.order_by("pk").first()
    return line if first is not None and first.received_at < line else None


def _resend_plans(now: datetime) -> int:
    stale = Sweep.objects.filter(_open(now), planned_at=None, closed_at=None, dispatched_at__lte=now - PATIENCE)
    with _claimed(stale, now) as found:
        sweeps.send_plans(found)
    for sweep_id in Sweep.objects.filter(planned_at__isnull=False, closed_at=None).values_list("pk", flat=True):
        sweeps.close_if_done(sweep_id, now)
    return len(found)


def _resend_chunks(now: datetime) -> int:
    stale = Chunk.objects.filter(
        _open(now, "sweep__"), done_at=None, sweep__closed_at=None, dispatched_at__lte=now - PATIENCE
    )
    with _claimed(stale.select_related("sweep"), now) as found:
        sweeps.send_chunks(found)
    return len(found)


def _open(now: datetime, prefix: str = "") -> Q:
    return Q(**{f"{prefix}lapses_at": None}) | Q(**{f"{prefix}lapses_at__gt": now})


def _resend_refunds(now: datetime, gateway: Gateway, limiter: Limiter | None) -> int:
    in_bulk = isinstance(gateway, BulkGateway)
    limit = rules.CHUNK_ROWS if in_bulk or limiter is None else limiter.rate.within(RECONCILE_EVERY)
    stale = Refund.objects.filter(store.UNPAID, due_at__lte=now, dispatched_at__lte=now - PATIENCE)
    with _claimed(stale.order_by("due_at"), now, limit=limit) as found:
        ids = [refund.pk for refund in found]
        if ids and in_bulk:
            dispatch.on_commit(dispatch.PAY_REFUNDS, [{"first_id": min(ids), "last_id": max(ids)}])
        elif ids:
            send_payments(ids, now, limiter=limiter)
    return len(ids)


def _resend_notices(now: datetime) -> int:
    # Seldom after a while: a mail server, or the worker of its queue, may be away for hours, and messages pile up.
    seldom = Q(settled_at__gt=now - UNTOLD) | Q(notify_at__lte=now - UNTOLD)
    stale = Refund.objects.filter(seldom, notify_at__lte=now - PATIENCE)
    with _claimed(stale.order_by("notify_at"), now, sent="notify_at") as found:
        dispatch.on_commit(dispatch.NOTIFY_CUSTOMER, [{"refund_id": refund.pk} for refund in found])
    return len(found)


@contextmanager
def _claimed(
    stale: QuerySet[M], now: datetime, *, limit: int = BATCH, sent: str = "dispatched_at"
) -> Iterator[list[M]]:
    """Up to `limit` of the rows, marked as sent now, in a transaction that sends their messages as it ends.

    Nearly always there are none: then no transaction is begun, which on SQLite would hold up whoever writes. Of two
    reconcilers at once the second passes over the rows of the first.
    """
    ids = list(stale.values_list("pk", flat=True)[:limit])
    if not ids:
        yield []
        return
    with transaction.atomic():
        found = list(stale.filter(pk__in=ids).select_for_update(skip_locked=True, of=("self",)))
        stale.model._default_manager.filter(pk__in=[row.pk for row in found]).update(**{sent: now})
        yield found


def health(now: datetime) -> list[str]:
    """A line for each thing that is overdue and that the reconciler has not mended; none when all is well.

    So there is for what beat's rows in the database say against the code.
    """
    return [*_missed(now), *_stalled(now), *_unpaid(now), *_untold(now), *look_ups.lines(now), *drift.lines()]


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
            f"{_local(oldest.due_at)}; start a worker on the queues payments and upkeep, or wait if it is "
            "REFUNDS_GATEWAY_RATE that holds them up"
        )
    ]


def _untold(now: datetime) -> list[str]:
    # By the instant of the outcome: notify_at moves with each try.
    late = Refund.objects.filter(notify_at__isnull=False, settled_at__lte=now - UNTOLD)
    oldest = late.order_by("settled_at").first()
    if oldest is None or oldest.settled_at is None:
        return []
    return [
        (
            f"untold customers: {late.count()} past their time, the oldest (refund {oldest.pk}) owed a mail since "
            f"{_local(oldest.settled_at)}; look at the mail server, and start a worker on the queue mail"
        )
    ]
