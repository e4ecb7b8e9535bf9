"""What customers and admins are told."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Final

from django.core.mail import mail_admins
from django.db import transaction
from django.utils import timezone

from .. import dispatch, store
from ..domain import cutoff
from ..domain import sweeps as rules
from ..domain.money import to_major
from ..domain.refunds import RefundStatus
from ..domain.returns import Decision
from ..errors import UnknownRow
from ..models import OptOut, Refund, ReturnRequest
from . import letters

logger = logging.getLogger(__name__)

# How long a mail that is being sent keeps others from sending it: longer than a task may run (90 s).
LEASE: Final = timedelta(seconds=120)


def notify_customer(refund_id: int, now: datetime) -> bool:
    """Tell the customer how the refund ended, once for each outcome; return whether a mail went out.

    No transaction is held while the mail server is spoken to. A mail that it does not take leaves the customer untold
    and propagates; one to an address that it refuses for good is given up. Only a process that is killed between the
    server's yes and its own note of it sends twice, with the same Message-ID. Raises UnknownRow.
    """
    refund = _claim(refund_id, now)
    if refund is None:
        return False
    held = Refund.objects.filter(pk=refund_id, notify_at=refund.notify_at)
    try:
        letters.to_customer(refund).send()
    except SMTPRecipientsRefused as refused:
        logger.warning("%s: the customer cannot be told: %s", refund, refused)
        held.update(notify_at=None)
        return False
    except BaseException:
        held.update(notify_at=now)
        raise
    with transaction.atomic():
        held.update(notify_at=None, notified_of=refund.status, notified_at=now)
        # It may have been settled anew meanwhile.
        dispatch.on_commit(dispatch.NOTIFY_CUSTOMER, store.owe_notices(rules.Span(refund_id, refund_id), now))
    return True


def _claim(refund_id: int, now: datetime) -> Refund | None:
    """The refund whose customer is to be told, kept from others for a lease; None where there is nothing to tell."""
    refund = Refund.objects.select_related("request").filter(pk=refund_id).first()
    if refund is None:
        raise UnknownRow("refund", refund_id)
    if refund.notify_at is None or refund.notify_at > now:
        return None
    held = Refund.objects.filter(pk=refund_id, notify_at=refund.notify_at, status=refund.status)
    if OptOut.objects.filter(address=refund.request.customer_email.lower()).exists():
        held.update(notify_at=None)
        return None
    refund.notify_at = now + LEASE
    return refund if held.update(notify_at=refund.notify_at) else None


def send_digest(now: datetime) -> None:
    """Tell the admins how the day stands: what waits for the next cut-off, what waits to be paid, what failed."""
    waiting = store.totals(store.pending(rules.cover(Decision.APPROVE, store.highest_id(), now)))
    lines = [f"{count} waiting, {to_major(total, currency)} {currency}" for currency, count, total in waiting]
    unpaid = Refund.objects.filter(store.UNPAID).count()
    failed = Refund.objects.filter(status=RefundStatus.FAILED).count()
    declined_at = timezone.localtime(cutoff.upcoming(now), cutoff.ZONE)
    body = "\n".join(
        [
            *(lines or ["nothing waiting"]),
            f"declined at {declined_at:%d %B %H:%M} unless approved before",
            f"{unpaid} refunds to be paid, {failed} failed",
        ]
    )
    mail_admins(f"Returns: {ReturnRequest.objects.filter(store.PENDING).count()} pending", body)
