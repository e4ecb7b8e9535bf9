"""The reconciler: finds, from the rows, work that has no message, and sends the message again."""

import logging
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Final, TypeVar

from django.db import transaction
from django.db.models import Case, Count, F, Model, Q, QuerySet, When
from kombu.exceptions import OperationalError

from .. import outbox, queries, signals
from ..domain import cutoff
from ..domain import sweeps as rules
from ..domain.returns import Decision
from ..gateways import BulkGateway, Gateway
from ..models import Chunk, ReturnRequest, Sweep
from . import PATIENCE, RECONCILE_EVERY, sweeps

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=Model)

BATCH: Final = 1_000  # the most plans and chunks that one run sends


def reconcile(now: datetime, *, gateway: Gateway, patience: timedelta = PATIENCE) -> dict[str, int]:
    """Start a missed decline, close finished sweeps, and send lost messages again; return how many of each.

    A row waits when it is due, no worker has it, and `patience` has passed since its message. The rows say how many
    messages there must be, and the queue how many there are: the difference is lost, and the rows that have waited
    longest get new ones. A duplicate in the queue is counted too. At worst, this delays resending a lost message.

    If the broker does not answer, log the error and send nothing more: the next run does. Raises ImproperlyConfigured
    where the transport cannot count.
    """
    done = {"closed": sweeps.close_expired(now)}
    done["cutoffs"] = int(missed_cutoff(now) is not None and sweeps.decline_pending(now)[1])
    sweeps.close_done(now)
    try:
        done |= _resend_sweeps(now, patience)
        done["refunds"] = _resend_refunds(now, patience, gateway)
        for counts in signals.answers(signals.reconciling, now=now, patience=patience, gateway=gateway):
            done |= counts
    except OperationalError:
        logger.exception("the broker does not answer: nothing more is sent again until the next run")
    return done


def missed_cutoff(now: datetime) -> datetime | None:
    """Return the latest cutoff if it has no sweep although there were return requests before it."""
    missed = cutoff.latest(now)
    if Sweep.objects.filter(kind=Decision.DECLINE, scheduled_for=missed).exists():
        return None
    first = ReturnRequest.objects.order_by("pk").first()
    return missed if first is not None and first.received_at < missed else None


def open_at(now: datetime, prefix: str = "") -> Q:
    """Return the condition that a sweep has not expired; `prefix` leads from a row to its sweep."""
    return Q(**{f"{prefix}expires_at": None}) | Q(**{f"{prefix}expires_at__gt": now})


def _resend_sweeps(now: datetime, patience: timedelta) -> dict[str, int]:
    # One queue holds the messages of both.
    waits = Q(dispatched_at__lte=now - patience)
    plans = Sweep.objects.filter(waits, open_at(now), planned_at=None, closed_at=None)
    chunks = Chunk.objects.filter(waits, open_at(now, "sweep__"), done_at=None, sweep__closed_at=None)
    if not plans.exists() and not chunks.exists():
        return {"plans": 0, "chunks": 0}
    # Count the queue before the rows: what a worker takes between the two is then in neither.
    queued = outbox.queued(outbox.PLAN_SWEEP, outbox.DECIDE_CHUNK)
    lost = min(BATCH, max(0, plans.count() + chunks.count() - queued))
    with claimed(plans, _first(plans, lost), dispatched_at=now) as lost_plans:
        sweeps.send_plans(lost_plans)
    chunk_ids = _first(chunks, lost - len(lost_plans))
    with claimed(chunks.select_related("sweep"), chunk_ids, dispatched_at=now) as lost_chunks:
        sweeps.send_chunks(lost_chunks)
    return {"plans": len(lost_plans), "chunks": len(lost_chunks)}


def _first(rows: QuerySet[M], count: int) -> list[int]:
    return list(rows.order_by("dispatched_at", "pk").values_list("pk", flat=True)[:count])


def _resend_refunds(now: datetime, patience: timedelta, gateway: Gateway) -> int:
    due = queries.payable(now)
    # A refund with a message of its own was sent a microsecond later, so that it is not its range's (queries.BY_RANGE).
    waits = Q(dispatched_at__lte=now - patience + timedelta.resolution)
    unsent = Q(dispatched_at=None)
    if not due.filter(unsent | waits).exists():
        return 0
    queued = outbox.queued(outbox.PAY_REFUND, outbox.PAY_REFUNDS)
    share = signals.share(gateway, RECONCILE_EVERY)  # what the provider can take until the next run
    capacity = rules.CHUNK_ROWS if share is None else max(0, share - queued)
    ids = list(due.filter(unsent).order_by("due_at").values_list("pk", flat=True)[:capacity])
    # All refunds of a range, which were sent at one instant, have one message; each of the others has its own.
    in_bulk = isinstance(gateway, BulkGateway)
    range_at = F("dispatched_at") if in_bulk else Case(When(queries.BY_RANGE, then="dispatched_at"))
    waiting = due.filter(waits).annotate(range_at=range_at)
    needed = waiting.aggregate(ranges=Count("range_at", distinct=True), single=Count("pk", filter=Q(range_at=None)))
    rows = waiting.order_by("dispatched_at", "pk").values_list("pk", "range_at")[: capacity - len(ids)]
    ids += of_messages(((pk, at or pk) for pk, at in rows), needed["ranges"] + needed["single"] - queued)
    with claimed(due.filter(unsent | waits), ids, dispatched_at=now + timedelta.resolution) as found:
        ids = sorted(refund.pk for refund in found)
        if in_bulk:  # a message pays all that is due between its ids, and so gets only ids that are close
            close = [list(group) for _, group in groupby(ids, lambda pk: pk // rules.CHUNK_ROWS)]
            outbox.on_commit(outbox.PAY_REFUNDS, [{"first_id": some[0], "last_id": some[-1]} for some in close])
        else:
            outbox.on_commit(outbox.PAY_REFUND, [{"refund_id": pk} for pk in ids])
    return len(ids)


def of_messages(rows: Iterable[tuple[int, Hashable]], count: int, size: int = rules.CHUNK_ROWS) -> list[int]:
    """Return the ids of the first rows (id, label), enough for `count` messages of up to `size` rows with one label."""
    groups = ([pk for pk, _ in group] for _, group in groupby(rows, key=itemgetter(1)))
    messages = (ids[start : start + size] for ids in groups for start in range(0, len(ids), size))
    return list(chain.from_iterable(islice(messages, max(0, count))))


@contextmanager
def claimed(rows: QuerySet[M], ids: Sequence[int], **sent: datetime) -> Iterator[list[M]]:
    """Write the columns `sent` to those of `rows` with these ids, and yield them in the transaction that sends them.

    Of two reconcilers at once, the second skips the rows of the first.
    """
    if not ids:
        yield []  # without a transaction, which on SQLite would block other writers
        return
    with transaction.atomic():
        found = list(rows.filter(pk__in=ids).select_for_update(skip_locked=True, of=("self",)))
        rows.model._default_manager.filter(pk__in=[row.pk for row in found]).update(**sent)
        yield found
