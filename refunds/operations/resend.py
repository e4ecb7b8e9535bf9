"""Sending again what is lost: the rows say how many messages there must be, the queue says how many there are."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Final, TypeVar

from django.db import transaction
from django.db.models import Case, Count, F, Model, Q, QuerySet, When

from .. import outbox, queries
from ..domain import sweeps as rules
from ..gateways import Gateway, Limiter, in_bulk
from ..models import Chunk, Refund, Sweep
from ..notices import sending
from . import RECONCILE_EVERY, sweeps

M = TypeVar("M", bound=Model)

# The most plans and chunks that one run sends; the next run, 30 seconds later, sends more.
BATCH: Final = 1_000
# A customer who has not been told for this long is told of in `health`, and from then on a mail is tried this often.
UNTOLD: Final = timedelta(minutes=15)


def resend(now: datetime, patience: timedelta, *, gateway: Gateway, limiter: Limiter | None = None) -> dict[str, int]:
    """Send again what has waited for `patience` and has no message in its queue; return how many rows of each kind.

    A row waits when it is due and in no worker's hands. The messages of such rows are all in the queue: so as many
    messages are lost as the rows need beyond those that the queue holds. The rows that have waited longest get them. A
    message that was sent twice is counted too, which at worst puts a lost one off until the queue is shorter. Raises
    kombu's OperationalError where the broker does not answer.
    """
    return {
        **_resend_sweeps(now, patience),
        "refunds": _resend_refunds(now, patience, gateway, limiter),
        "notices": _resend_notices(now, patience),
    }


def open_at(now: datetime, prefix: str = "") -> Q:
    """Whether a sweep has not expired; `prefix` leads from a row to its sweep."""
    return Q(**{f"{prefix}expires_at": None}) | Q(**{f"{prefix}expires_at__gt": now})


def _resend_sweeps(now: datetime, patience: timedelta) -> dict[str, int]:
    # One queue holds the messages of both.
    waits = Q(dispatched_at__lte=now - patience)
    plans = Sweep.objects.filter(waits, open_at(now), planned_at=None, closed_at=None)
    chunks = Chunk.objects.filter(waits, open_at(now, "sweep__"), done_at=None, sweep__closed_at=None)
    if not plans.exists() and not chunks.exists():
        return {"plans": 0, "chunks": 0}
    # The queue before the rows: what a worker takes between the two is then in neither.
    ready = outbox.ready(outbox.PLAN_SWEEP, outbox.DECIDE_CHUNK)
    lost = min(BATCH, max(0, plans.count() + chunks.count() - ready))
    with _claimed(plans, _first(plans, lost), dispatched_at=now) as lost_plans:
        sweeps.send_plans(lost_plans)
    chunk_ids = _first(chunks, lost - len(lost_plans))
    with _claimed(chunks.select_related("sweep"), chunk_ids, dispatched_at=now) as lost_chunks:
        sweeps.send_chunks(lost_chunks)
    return {"plans": len(lost_plans), "chunks": len(lost_chunks)}


def _first(rows: QuerySet[M], count: int) -> list[int]:
    return list(rows.order_by("dispatched_at", "pk").values_list("pk", flat=True)[:count])


def _resend_refunds(now: datetime, patience: timedelta, gateway: Gateway, limiter: Limiter | None) -> int:
    due = Refund.objects.filter(queries.UNPAID, due_at__lte=now)
    # A microsecond more: with that a refund is marked as sent by itself (below).
    unsent, waits = Q(dispatched_at=None), Q(dispatched_at__lte=now - patience + timedelta.resolution)
    if not due.filter(unsent | waits).exists():
        return 0
    ready = outbox.ready(outbox.PAY_REFUND, outbox.PAY_REFUNDS)
    room = rules.CHUNK_ROWS
    if limiter is not None:  # as many as there are permits until the next look
        room = max(0, limiter.within(RECONCILE_EVERY) - ready)
    ids = list(due.filter(unsent).order_by("due_at").values_list("pk", flat=True)[:room])
    # One message for all refunds of a range, which were sent at one instant; one for each of the others.
    waiting = due.filter(waits).annotate(range_at=_range_at(gateway))
    needed = waiting.aggregate(ranges=Count("range_at", distinct=True), single=Count("pk", filter=Q(range_at=None)))
    rows = waiting.order_by("dispatched_at", "pk").values_list("pk", "range_at")[: room - len(ids)]
    ids += _of_messages(((pk, at or pk) for pk, at in rows), needed["ranges"] + needed["single"] - ready)
    # Later than due_at: from here on they are not their range's (queries.BY_RANGE).
    with _claimed(due.filter(unsent | waits), ids, dispatched_at=now + timedelta.resolution) as found:
        ids = sorted(refund.pk for refund in found)
        if ids and in_bulk(gateway):
            outbox.on_commit(outbox.PAY_REFUNDS, [{"first_id": ids[0], "last_id": ids[-1]}])
        else:
            outbox.on_commit(outbox.PAY_REFUND, [{"refund_id": pk} for pk in ids])
    return len(ids)


def _range_at(gateway: Gateway) -> Case | F:
    """When the message of the refund's range was sent; null where it has one of its own."""
    return F("dispatched_at") if in_bulk(gateway) else Case(When(queries.BY_RANGE, then="dispatched_at"))


def _resend_notices(now: datetime, patience: timedelta) -> int:
    # Seldom after a while: a mail server may be away for hours.
    seldom = Q(settled_at__gt=now - UNTOLD) | Q(notify_at__lte=now - UNTOLD)
    owed = Refund.objects.filter(seldom, notify_at__lte=now - patience)
    if not owed.exists():
        return 0
    ready = outbox.ready(outbox.NOTIFY_CUSTOMER)
    # Those owed since one instant were sent in lots.
    sizes = owed.order_by().values("notify_at").annotate(size=Count("pk")).values_list("size", flat=True)
    lost = sum(-(-size // sending.LOT) for size in sizes) - ready
    rows = owed.order_by("notify_at", "pk").values_list("pk", "notify_at")[: rules.CHUNK_ROWS]
    with _claimed(owed, _of_messages(rows, lost, sending.LOT), notify_at=now) as found:
        sending.send_notices(sorted(refund.pk for refund in found))
    return len(found)


def _of_messages(rows: Iterable[tuple[int, Hashable]], count: int, size: int = rules.CHUNK_ROWS) -> list[int]:
    """The ids of the first rows, as many as `count` messages are for: each is for up to `size` rows with one label."""
    groups = ([pk for pk, _ in group] for _, group in groupby(rows, key=itemgetter(1)))
    messages = (ids[start : start + size] for ids in groups for start in range(0, len(ids), size))
    return list(chain.from_iterable(islice(messages, max(0, count))))


@contextmanager
def _claimed(rows: QuerySet[M], ids: Sequence[int], **sent: datetime) -> Iterator[list[M]]:
    """Those of `rows` with these ids, with the columns `sent`, in a transaction that sends their messages as it ends.

    Nearly always there are none: then no transaction is begun, which on SQLite would hold up other writers. Of two
    reconcilers at once the second skips the rows of the first.
    """
    if not ids:
        yield []
        return
    with transaction.atomic():
        found = list(rows.filter(pk__in=ids).select_for_update(skip_locked=True, of=("self",)))
        rows.model._default_manager.filter(pk__in=[row.pk for row in found]).update(**sent)
        yield found
