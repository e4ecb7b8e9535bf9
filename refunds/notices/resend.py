"""Notices that are late: sent again by the reconciler, and named by `health`."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q

from .. import outbox
from ..domain.sweeps import CHUNK_ROWS
from ..operations import local
from ..operations.reconcile import claimed, of_messages
from .models import Notice
from .sending import LOT, NOTIFY_CUSTOMER, send_messages

# `health` names a notice that is not sent for this long after the outcome. From then on it is tried this often: a mail
# server can be away for hours.
LATE: Final = timedelta(minutes=15)


def send_again(now: datetime, patience: timedelta) -> int:
    """Send the messages of notices that have waited for `patience` and have none in the queue; return how many.

    Raises kombu's OperationalError where the broker does not answer.
    """
    due = Notice.objects.filter(due_at__lte=now - patience)
    waiting = due.filter(Q(refund__settled_at__gt=now - LATE) | Q(due_at__lte=now - LATE))
    # Nearly always none is due. The partial index says so, without a join.
    if not due.exists() or not waiting.exists():
        return 0
    ready = outbox.ready(NOTIFY_CUSTOMER)
    # Notices that became due at one instant share messages.
    sizes = waiting.order_by().values("due_at").annotate(size=Count("pk")).values_list("size", flat=True)
    lost = sum(-(-size // LOT) for size in sizes) - ready
    rows = waiting.order_by("due_at", "pk").values_list("pk", "due_at")[:CHUNK_ROWS]
    with claimed(waiting, of_messages(rows, lost, LOT), due_at=now) as found:
        send_messages(sorted(notice.pk for notice in found))
    return len(found)


def late(now: datetime) -> list[str]:
    """Return a line for `health` where notices are not sent in time."""
    pending = Notice.objects.filter(due_at__isnull=False)
    if not pending.exists():
        return []
    # By the instant of the outcome: due_at moves with each try.
    rows = pending.filter(refund__settled_at__lte=now - LATE)
    oldest = rows.select_related("refund").order_by("refund__settled_at").first()
    if oldest is None:
        return []
    return [
        (
            f"notices not sent: {rows.count()} past their time, the oldest (refund {oldest.pk}) due since "
            f"{local(oldest.refund.settled_at)}; check the mail server, and start a worker on the queue mail"
        )
    ]
