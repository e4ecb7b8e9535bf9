"""What customers are written."""

import hashlib
from email.utils import parseaddr
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage

from ..domain.money import to_major
from ..domain.refunds import RefundStatus
from ..models import Refund
from . import opt_outs

# The longest line of a mail (RFC 5322, 2.1.1).
LONGEST_LINE: Final = 998


class Letter(EmailMessage):
    """A mail with each header on one line."""

    def message(self, **options: Any) -> Any:
        """Django's. A header that Python cannot break at 78 characters it would encode, and a link in code is none."""
        message = super().message(**options)
        message.policy = message.policy.clone(max_line_length=LONGEST_LINE)
        return message


def to_customer(refund: Refund) -> EmailMessage:
    """The mail about a settled refund, with a link to opt out if there can be one; sent twice, it is the same.

    Where the link is `https`, mail programs show a button of their own for it, one click (RFC 8058).
    """
    address = refund.request.customer_email
    subject, body = _words(refund)
    # Nobody's absence is to be answered to us by their machine (RFC 3834).
    headers = {"Message-ID": _message_id(refund), "Auto-Submitted": "auto-generated"}
    if link := opt_outs.link(address):
        body = f"{body}\n\nTo get no more mails about refunds: {link}"
        headers["List-Unsubscribe"] = f"<{link}>"
        if link.lower().startswith("https:"):
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Letter(subject=subject, body=body, to=[address], headers=headers)


def _message_id(refund: Refund) -> str:
    """Of the refund, its outcome and the key that the payer knows it by.

    A database that is made anew gives the id to another refund. A refund that succeeds again after the payer's no has
    another key, or mail programs would hide the second mail.
    """
    key = hashlib.sha256(refund.idempotency_key.encode()).hexdigest()[:12]
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<refund-{refund.pk}-{refund.status}-{key}@{domain}>"


def _words(refund: Refund) -> tuple[str, str]:
    """Subject and body."""
    amount = f"{to_major(refund.amount_minor, refund.currency)} {refund.currency}"
    line = refund.request.order_line
    if refund.status == RefundStatus.SUCCEEDED and getattr(refund, "settled_elsewhere", None):
        return f"Your refund of {amount}", (
            f"We have refunded {amount} for {line} in another way than to your original payment. "
            f"Reference: {refund.receipt}."
        )
    if refund.status == RefundStatus.SUCCEEDED:
        return f"Your refund of {amount}", f"We have refunded {amount} for {line}. Receipt: {refund.receipt}."
    if refund.notified_of == RefundStatus.SUCCEEDED:
        return (
            f"Your refund of {amount} has failed",
            (
                f"We told you that we had refunded {amount} for {line}. The payment provider now says that this refund "
                "has failed. We are looking into it; you need not do anything."
            ),
        )
    return (
        f"Your refund of {amount} is delayed",
        f"We could not pay {amount} for {line} yet. We are looking into it; you need not do anything.",
    )
