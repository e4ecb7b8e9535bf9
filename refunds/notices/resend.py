"""Send the messages of late notices again, and report late notices to `health`."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q
from django.utils.translation import gettext

from .. import outbox
from ..domain.sweeps import CHUNK_ROWS
from ..operations import local
from ..operations.reconcile import claimed, of_messages
from .models import OUTCOME_AT, Notice
from .sending import NOTICES_PER_MESSAGE, NOTIFY_CUSTOMER, send_messages

# `health` reports a notice that has not been sent for this long after the outcome. From then on, the reconciler retries
# at this interval, because a mail server can be down for hours.
LATE: Final = timedelta(minutes=15)


def send_again(now: datetime, patience: timedelta) -> int:
    """Send the messages of notices that have waited for `patience` and have no message in the queue. Return how many.

    Raises kombu's OperationalError if the broker does not answer.
    """
    due = Notice.objects.filter(due_at__lte=now - patience)
    waiting = due.alias(since=OUTCOME_AT).filter(Q(since__gt=now - LATE) | Q(due_at__lte=now - LATE))
    # Ask the partial index first, without a join: nearly always, no notice is due.
    if not due.exists() or not waiting.exists():
        return 0
    queued = outbox.queued(NOTIFY_CUSTOMER)
    # Notices that became due at one instant share messages.
    sizes = waiting.order_by().values("due_at").annotate(size=Count("pk")).values_list("size", flat=True)
    lost = sum(-(-size // NOTICES_PER_MESSAGE) for size in sizes) - queued
    rows = waiting.order_by("due_at", "pk").values_list("pk", "due_at")[:CHUNK_ROWS]
    with claimed(waiting, of_messages(rows, lost, NOTICES_PER_MESSAGE), due_at=now) as found:
        send_messages(sorted(notice.pk for notice in found))
    return len(found)


def late(now: datetime) -> list[str]:
    """Return a line for `health` if notices were not sent in time."""
    pending = Notice.objects.filter(due_at__isnull=False)
    if not pending.exists():
        return []
    # Compare the time of the outcome, because each attempt moves due_at.
    rows = pending.alias(since=OUTCOME_AT).filter(since__lte=now - LATE)
    oldest = rows.select_related("request__refund").order_by("since").first()
    if oldest is None:
        return []
    line = gettext(
        "notices not sent: %(count)s past their time, the oldest (return request %(id)s) due since %(since)s; check "
        "the mail server, and start a worker on the queue mail"
    )
    return [line % {"count": rows.count(), "id": oldest.pk, "since": local(oldest.outcome_at)}]
