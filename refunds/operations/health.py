"""What is overdue although the reconciler has run, for a monitor and an operator."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Max, QuerySet
from django.utils.translation import gettext

from .. import queries, signals
from ..models import Refund, Sweep
from . import local
from .reconcile import missed_cutoff, open_at

# After so long, an operator is needed: the reconciler, which runs each 30 seconds, has not repaired it.
STALLED_AFTER: Final = timedelta(minutes=5)  # a sweep without progress, a cutoff without a sweep
UNPAID_AFTER: Final = timedelta(minutes=15)  # a refund, after it was due
# The most rows that a line counts: the first page shows the lines too, and a million take a tenth of a second.
COUNTED: Final = 100_000


def health(now: datetime) -> list[str]:
    """Return one line per overdue item that the reconciler has not repaired, the rooms' items last."""
    lines = [*_missed(now), *_stalled(now), *_unpaid(now)]
    return lines + [line for answer in signals.answers(signals.health_requested, now=now) for line in answer]


def _missed(now: datetime) -> Iterator[str]:
    missed = missed_cutoff(now)
    if missed is not None and now - missed >= STALLED_AFTER:
        yield gettext(
            "missed cutoff: nothing was declined at %(at)s; start beat and a worker, or run the command decline_all"
        ) % {"at": local(missed)}


def _stalled(now: datetime) -> Iterator[str]:
    open_sweeps = Sweep.objects.filter(open_at(now), closed_at=None).annotate(moved=Max("chunks__done_at"))
    for sweep in open_sweeps.order_by("pk"):
        moved = max(filter(None, (sweep.started_at, sweep.planned_at, sweep.moved)))
        if now - moved >= STALLED_AFTER:
            text = gettext("stalled sweep: %(sweep)s has not moved since %(at)s, %(left)s left; start a worker")
            yield text % {"sweep": sweep, "at": local(moved), "left": _counted(queries.pending(sweep))}


def _unpaid(now: datetime) -> Iterator[str]:
    late = Refund.objects.filter(queries.UNPAID, due_at__lte=now - UNPAID_AFTER).order_by("due_at")
    if oldest := late.first():
        yield gettext(
            "unpaid refunds: %(count)s overdue, refund %(id)s since %(at)s; start a worker on the queues payments and "
            "reconciling, or wait if a rate limit delays them"
        ) % {"count": _counted(late), "id": oldest.pk, "at": local(oldest.due_at)}


def _counted(rows: QuerySet[Any]) -> str:
    count = rows[: COUNTED + 1].count()
    return gettext("more than %(number)s") % {"number": COUNTED} if count > COUNTED else str(count)
