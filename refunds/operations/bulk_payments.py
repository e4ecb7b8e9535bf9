"""Sending many refunds to be paid: a range after its approval, and failed refunds that an operator tries again."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F

from .. import outbox, queries, signals
from ..domain import sweeps as rules
from ..domain.refunds import Outcome, RefundStatus, next_status
from ..domain.sweeps import IdRange
from ..gateways import BulkGateway, Gateway
from ..models import Refund

# What one task sends of its own range: with hundreds of ranges at once this bounds the messages in the queue.
FIRST_SHARE: Final = timedelta(seconds=10)
Note = Callable[[Sequence[int]], None]  # what the caller writes down about refunds, by their ids


def pay_refunds(id_range: IdRange, now: datetime, *, gateway: Gateway) -> int:
    """Pay what is due in the range, at once or by a message for each refund; return how many were paid or sent.

    What the provider cannot take within the first share of time is left to the reconciler.
    """
    with transaction.atomic():
        if isinstance(gateway, BulkGateway):
            # Settled first: that locks the rows, so that nothing is credited that another transaction takes away.
            paid = queries.settle_range(id_range, now, gateway.prefix)
            gateway.credit_range(id_range, now)
            signals.refunds_settled.send(Refund, id_range=id_range, now=now)
            return paid
        # Those that are not of the range have messages of their own.
        due = queries.payable(now).filter(queries.BY_RANGE, pk__gte=id_range.first_id, pk__lte=id_range.last_id)
        share = signals.share(gateway, FIRST_SHARE) or rules.CHUNK_ROWS
        ids = list(due.order_by("pk").values_list("pk", flat=True)[:share])
        due.exclude(pk__in=ids).update(dispatched_at=None)
        # Later than due_at in any case: from here on the refund is not its range's (queries.BY_RANGE).
        Refund.objects.filter(pk__in=ids).update(dispatched_at=now + timedelta.resolution)
        outbox.on_commit(outbox.PAY_REFUND, [{"refund_id": pk} for pk in ids])
    return len(ids)


def try_again(ids: Sequence[int], now: datetime, *, note: Note = lambda _: None) -> list[int]:
    """Make those of `ids` that have failed pending again, with as many attempts as at first; return which they were.

    In chunks: `note` gets the ids of each, in the transaction of the change. After a refusal the provider gets a new
    key, otherwise the same one, because the answer to it can still come.
    """
    chunks = (ids[start : start + rules.CHUNK_ROWS] for start in range(0, len(ids), rules.CHUNK_ROWS))
    return [pk for chunk in chunks for pk in _try_again(chunk, now, note)]


def _try_again(ids: Sequence[int], now: datetime, note: Note) -> list[int]:
    status = next_status(RefundStatus.FAILED, Outcome.TRIED_AGAIN)
    fresh = {"status": status, "attempts": 0, "first_attempt_at": None, "settled_at": None}
    with transaction.atomic():
        failed = Refund.objects.filter(pk__in=ids, status=RefundStatus.FAILED)
        # Of two presses at once the second waits here, and then finds nothing that has failed.
        found = list(failed.order_by("pk").select_for_update().values_list("pk", flat=True))
        if not found:
            return []
        fresh |= {"tried_again": F("tried_again") + 1, "due_at": now, "dispatched_at": now}
        Refund.objects.filter(pk__in=found).update(**fresh)
        signals.refunds_reopened.send(Refund, ids=found, now=now)
        note(found)
        outbox.on_commit(outbox.PAY_REFUNDS, [{"first_id": found[0], "last_id": found[-1]}])
    return found
