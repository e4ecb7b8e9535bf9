"""Undo a sweep: give back to `requested` what it has approved, where no payment was attempted."""

from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from .. import outbox, queries
from ..admin.values import sums
from ..admin.words import recorded
from ..apps import LABEL
from ..domain import sweeps as rules
from ..domain.returns import CUTOFF_CODE, Decision, Status
from ..errors import BadInput, UnknownRow
from ..models import Chunk, Refund, ReturnRequest, Sweep
from ..operations.decisions import decide
from ..operations.reconcile import BATCH, claimed
from .cancelling import Totals, can_cancel, close, locked
from .checks import LONGEST_HOLD
from .models import Undo, UndoneChunk

UNDO_CHUNK: Final = f"{LABEL}.undo_chunk"
# Refunds that a page looks at, which takes milliseconds: 130,000 that are tried again take 30, and there can be more.
LOOKED: Final = 10_000
# The note of a request that is declined because its cutoff passed.
LATE: Final = "Its approval was undone, and its cutoff has passed."


def unattempted(sweep: Sweep) -> QuerySet[Refund]:
    """Return the refunds of the sweep whose payment was never attempted."""
    bounds = sweep.chunks.aggregate(pk__gte=Min("first_id"), pk__lte=Max("last_id"))
    return _unattempted(sweep.pk).filter(**{name: pk or 0 for name, pk in bounds.items()})


def _unattempted(sweep_id: int) -> QuerySet[Refund]:
    return Refund.objects.filter(queries.UNPAID, attempts=0, tried_again=0, request__sweep=sweep_id)


def can_undo(sweep: Sweep) -> bool:
    """Return whether an undo of the sweep would still take anything back."""
    approves = sweep.kind == Decision.APPROVE and not Undo.objects.filter(pk=sweep.pk).exists()
    return approves and unattempted(sweep).exists()


def offers_undo(sweep: Sweep) -> bool:
    """Return what a page says of `can_undo`. If more than LOOKED refunds wait it says yes, and the press looks at all.

    It looks at those that were due when the sweep's chunks were done, or a hold later: only an attempt moves a refund.
    """
    done = sweep.chunks.aggregate(first=Min("done_at"), last=Max("done_at"))
    if sweep.kind != Decision.APPROVE or done["last"] is None or Undo.objects.filter(pk=sweep.pk).exists():
        return False
    due = Q(due_at__range=(done["first"], done["last"] + timedelta(seconds=LONGEST_HOLD)))
    waiting = Refund.objects.filter(queries.UNPAID, due).order_by("due_at")
    return waiting[: LOOKED + 1].count() > LOOKED or unattempted(sweep).filter(due).exists()


def undo(sweep_id: int, *, by: User, reason: str, now: datetime) -> int:
    """Begin to undo the sweep, and return how many chunks will be taken back. From the commit on no payment begins.

    A sweep under way is cancelled first. Raises UnknownRow, and BadInput if nothing can be taken back.
    """
    with transaction.atomic():
        sweep = locked(sweep_id)
        if can_cancel(sweep, now):
            close(sweep, now)
        if not can_undo(sweep):
            text = gettext("%(sweep)s was undone already, or each of its payments has begun; nothing can be taken back")
            raise BadInput(text % {"sweep": sweep})
        made = Undo.objects.create(sweep=sweep, pressed_at=now, pressed_by=by, reason=reason)
        log(made, f"Undo: {reason}", now)
        done = Chunk.objects.filter(sweep=sweep, decided__gt=0)
        chunks = UndoneChunk.objects.bulk_create(
            UndoneChunk(chunk=chunk, undo=made, first_id=chunk.first_id, last_id=chunk.last_id, sent_at=now)
            for chunk in done.order_by("pk")
        )
        send(chunks)
    return len(chunks)


def send(chunks: list[UndoneChunk]) -> None:
    """Send a message to take back each chunk, on commit."""
    outbox.on_commit(UNDO_CHUNK, [{"chunk_id": chunk.pk} for chunk in chunks])


def undo_chunk(chunk_id: int, now: datetime) -> int:
    """Take back each approval of the chunk whose payment was not attempted; return how many. Raises UnknownRow."""
    with transaction.atomic():
        chunk = UndoneChunk.objects.select_for_update().filter(pk=chunk_id).first()
        if chunk is None:
            raise UnknownRow("undone chunk", chunk_id)
        if chunk.done_at:
            return 0
        chunk.totals, chunk.done_at = take_back(chunk), now
        chunk.save(update_fields=["totals", "done_at"])
    # After the commit, so that of two last chunks at once the later sees both done.
    finish(now)
    decline_late(now)
    return sum(count for _, count, _ in chunk.totals)


def finish(now: datetime) -> None:
    """End each undo whose chunks are all taken back, also one whose worker died before it could."""
    left = UndoneChunk.objects.filter(undo=OuterRef("pk"), done_at=None)
    ready = Undo.objects.filter(~Exists(left), done_at=None)
    for undo in ready.select_related("sweep"):
        with transaction.atomic():
            if ready.filter(pk=undo.pk).update(done_at=now):
                with recorded():
                    back = sums(taken_back(undo))
                log(undo, f"Undone: {back} returned to {Status.REQUESTED}", now)


def taken_back(undo: Undo) -> Totals:
    """Return the counts and sums of what was taken back so far, by currency."""
    found: dict[str, list[int]] = {}
    for currency, count, total in chain.from_iterable(undo.chunks.values_list("totals", flat=True)):
        counts = found.setdefault(currency, [0, 0])
        found[currency] = [counts[0] + count, counts[1] + total]
    return [(currency, count, total) for currency, (count, total) in sorted(found.items())]


def log(undo: Undo, text: str, now: datetime) -> None:
    """Add an entry to the history of the sweep, in the name of the user who pressed."""
    with recorded():
        sweep = str(undo.sweep)
    LogEntry.objects.create(
        user_id=undo.pressed_by_id,
        content_type=ContentType.objects.get_for_model(Sweep),
        object_id=str(undo.pk),
        object_repr=sweep,
        action_flag=CHANGE,
        change_message=text,
        action_time=now,
    )


def take_back(chunk: UndoneChunk) -> Totals:
    """Return the approvals of the chunk to `requested`, delete their refunds, and return the counts and sums."""
    refunds = _unattempted(chunk.undo_id).filter(pk__gte=chunk.first_id, pk__lte=chunk.last_id).order_by("pk")
    # Locked, and looked at again after a wait: a payment that begins first has counted its attempt.
    taken = list(refunds.select_for_update(of=("self",)).values_list("pk", flat=True))
    rows = ReturnRequest.objects.filter(pk__in=taken)
    totals, _ = queries.totals(rows, Q())
    columns = {"decided_at": None, "decided_by": None, "sweep": None, "own_refund": None}
    rows.update(status=Status.REQUESTED, **columns)
    Refund.objects.filter(pk__in=taken).delete()
    return totals


def decline_late(now: datetime) -> int:
    """Decline what was undone and missed the decline at its cutoff: return how many.

    An undo after the cutoff comes too late for that decline. One that commits while it is being planned can as well.
    """
    declines = Sweep.objects.filter(kind=Decision.DECLINE, scheduled_for=OuterRef("sweep__expires_at"))
    over = Exists(declines.filter(closed_at__isnull=False))
    late = Undo.objects.filter(over, declined_at=None, done_at__isnull=False, sweep__expires_at__lte=now)
    return sum(_decline(undo, now) for undo in late.select_related("sweep"))


def _decline(undo: Undo, now: datetime) -> int:
    pending, declined = queries.pending(undo.sweep), 0
    by = {"decided_by": undo.pressed_by_id, "decision_code": CUTOFF_CODE, "decision_note": LATE}
    for ids in queries.chunk_ranges(pending, rules.CHUNK_ROWS):
        with transaction.atomic():
            rows = ReturnRequest.objects.filter(pk__range=ids)
            declined += decide(pending.filter(pk__range=ids), rows, Decision.DECLINE, ids, now, **by)
    Undo.objects.filter(pk=undo.pk).update(declined_at=now)
    return declined


def send_again(now: datetime, patience: timedelta) -> int:
    """Send the messages of chunks again that have waited for `patience`; return how many."""
    waiting = UndoneChunk.objects.filter(done_at=None, sent_at__lte=now - patience)
    ids = list(waiting.order_by("sent_at", "pk").values_list("pk", flat=True)[:BATCH])
    with claimed(waiting, ids, sent_at=now) as found:
        send(found)
    return len(found)
