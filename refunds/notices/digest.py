"""Send the evening digest to the admins."""

from datetime import datetime

from django.core.mail import mail_admins
from django.utils import timezone

from .. import queries
from ..domain import cutoff
from ..domain.money import to_major
from ..domain.refunds import RefundStatus
from ..domain.returns import Decision
from ..models import Refund, ReturnRequest
from ..operations.decisions import preview


def send_digest(now: datetime) -> None:
    """Mail the admins which requests wait for the next cutoff, which refunds wait to be paid, and which have failed."""
    waiting = preview(Decision.APPROVE, now).totals
    lines = [f"{count} waiting, {to_major(total, currency)} {currency}" for currency, count, total in waiting]
    unpaid = Refund.objects.filter(queries.UNPAID).count()
    under_way = Refund.objects.filter(queries.UNDER_WAY).count()
    failed = Refund.objects.filter(status=RefundStatus.FAILED).count()
    declined_at = timezone.localtime(cutoff.upcoming(now), cutoff.ZONE)
    body = "\n".join(
        [
            *(lines or ["nothing waiting"]),
            f"declined at {declined_at:%d %B %H:%M} unless approved before",
            f"{unpaid} refunds to be paid, {under_way} under way at the payment provider, {failed} failed",
        ]
    )
    mail_admins(f"Returns: {ReturnRequest.objects.filter(queries.REQUESTED).count()} pending", body)
