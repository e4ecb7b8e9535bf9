"""What customers are written."""

from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage

from ..domain.money import to_major
from ..domain.refunds import RefundStatus
from ..models import Refund


def to_customer(refund: Refund) -> EmailMessage:
    """The mail about a settled refund. Its Message-ID is made of the refund and its outcome: sent twice, it is one."""
    subject, body = _words(refund)
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return EmailMessage(
        subject=subject,
        body=body,
        to=[refund.request.customer_email],
        headers={"Message-ID": f"<refund-{refund.pk}-{refund.status}@{domain}>"},
    )


def _words(refund: Refund) -> tuple[str, str]:
    """Subject and body."""
    amount = f"{to_major(refund.amount_minor, refund.currency)} {refund.currency}"
    line = refund.request.order_line
    if refund.status == RefundStatus.SUCCEEDED:
        return f"Your refund of {amount}", f"We have refunded {amount} for {line}. Receipt: {refund.receipt}."
    return (
        f"Your refund of {amount} is delayed",
        f"We could not pay {amount} for {line} yet. We are looking into it; you need not do anything.",
    )
