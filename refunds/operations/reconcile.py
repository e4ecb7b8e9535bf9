"""The safety net: what the rows say is undone is sent again, and what stays undone is reported."""

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max
from kombu.exceptions import OperationalError

from .. import queries, signals
from ..beat import drift
from ..domain import cutoff
from ..domain.returns import Decision
from ..gateways import Gateway, Limiter
from ..models import Refund, ReturnRequest, Sweep
from ..tracking import look_ups
from . import PATIENCE, sweeps
from . import local as _local
from .resend import UNTOLD, open_at, resend

logger = logging.getLogger(__name__)

# A sweep or a cut-off that has not moved for this long wants a person: the reconciler has had ten tries at it.
STALLED: Final = timedelta(minutes=5)
# A refund that nothing has attempted for this long after it was due wants a person.
UNPAID: Final = timedelta(minutes=15)


def reconcile(
    now: datetime, *, gateway: Gateway, limiter: Limiter | None = None, patience: timedelta = PATIENCE
) -> dict[str, int]:
    """Do what has been missed, send again what has no message any more; return how many of each.

    `patience` is how long a message counts as under way: zero after a start of the only worker, when none can be. Where
    the broker does not answer nothing is sent, and the log says so; the rest is done.
    """
    done = {"closed": sweeps.close_expired(now), "cutoffs": 0}
    if missed_cutoff(now):
        _, created = sweeps.decline_pending(now)
        done["cutoffs"] = int(created)
    for sweep_id in Sweep.objects.filter(planned_at__isnull=False, closed_at=None).values_list("pk", flat=True):
        sweeps.close_if_done(sweep_id, now)
    try:
        sent = resend(now, patience, gateway=gateway, limiter=limiter)
        return done | sent | {"look_ups": look_ups.send_look_ups(now, limiter, patience)}
    except OperationalError:
        logger.exception("the broker does not answer: nothing is sent again until the next run, in 30 seconds")
        return done


def missed_cutoff(now: datetime) -> datetime | None:
    """The latest cut-off, where it has no sweep although there were return requests before it."""
    line = cutoff.latest(now)
    if Sweep.objects.filter(kind=Decision.DECLINE, scheduled_for=line).exists():
        return None
    first = ReturnRequest.objects.order_by("pk").first()
    return line if first is not None and first.received_at < line else None


def health(now: datetime) -> list[str]:
    """A line for each thing that is overdue and that the reconciler has not mended; none when all is well.

    So there is for what beat's rows in the database say against the code.
    """
    return [
        *_missed(now),
        *_stalled(now),
        *_unpaid(now),
        *(line for _, lines in signals.health_requested.send(None, now=now) for line in lines or ()),
        *_untold(now),
        *look_ups.lines(now),
        *drift.lines(),
    ]


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
    open_sweeps = Sweep.objects.filter(open_at(now), closed_at=None).annotate(moved=Max("chunks__done_at"))
    lines = []
    for sweep in open_sweeps.order_by("pk"):
        moved = max(filter(None, (sweep.started_at, sweep.planned_at, sweep.moved)))
        if now - moved >= STALLED:
            left = sweeps.progress(sweep, now).left
            lines.append(f"stalled sweep: {sweep} has not moved since {_local(moved)}, {left} left; start a worker")
    return lines


def _unpaid(now: datetime) -> list[str]:
    late = Refund.objects.filter(queries.UNPAID, due_at__lte=now - UNPAID)
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
