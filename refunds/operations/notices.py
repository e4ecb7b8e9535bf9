"""What customers and admins are told."""

from datetime import datetime

from django.core.mail import mail_admins, send_mail
from django.db import transaction
from django.utils import timezone

from .. import store
from ..domain import cutoff
from ..domain import sweeps as rules
from ..domain.money import to_major
from ..domain.refunds import RefundStatus
from ..domain.returns import Decision
from ..errors import UnknownRow
from ..models import Refund, ReturnRequest


def notify_customer(refund_id: int, now: datetime) -> bool:
    """Tell the customer how the refund ended, once; return whether a mail went out.

    Mail and mark are one transaction: a mail that cannot be sent leaves the customer untold. Raises UnknownRow, and
    what the mail backend raises.
    """
    with transaction.atomic():
        rows = Refund.objects.select_for_update(of=("self",)).select_related("request")
        refund = rows.filter(pk=refund_id).first()
        if refund is None:
            raise UnknownRow("refund", refund_id)
        address = refund.request.customer_email
        if refund.status == RefundStatus.PENDING or refund.notified_at or not address:
            return False
        refund.notified_at = now
        refund.save(update_fields=["notified_at"])
        send_mail(*_letter(refund), from_email=None, recipient_list=[address])
    return True


def _letter(refund: Refund) -> tuple[str, str]:
    """Subject and body."""
    amount = f"{to_major(refund.amount_minor, refund.currency)} {refund.currency}"
    line = refund.request.order_line
    if refund.status == RefundStatus.SUCCEEDED:
        return f"Your refund of {amount}", f"We have refunded {amount} for {line}. Receipt: {refund.receipt}."
    return (
        f"Your refund of {amount} is delayed",
        f"We could not pay {amount} for {line} yet. We are looking into it; you need not do anything.",
    )


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
