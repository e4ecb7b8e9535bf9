"""Write the mails to customers."""

import hashlib
from email.utils import parseaddr
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage

from ..domain.money import to_major
from ..domain.refunds import RefundStatus
from ..models import Refund
from . import opt_outs
from .models import Notice

# The longest line of a mail (RFC 5322, 2.1.1).
LONGEST_LINE: Final = 998


class Letter(EmailMessage):
    """Writes each header of a mail on one line."""

    def message(self, **options: Any) -> Any:
        """Override of Django's method that does not fold long headers: Python would encode them and break the link."""
        message = super().message(**options)
        message.policy = message.policy.clone(max_line_length=LONGEST_LINE)
        return message


def to_customer(notice: Notice) -> EmailMessage:
    """Return the mail about a settled refund; a second mail about the same outcome is identical.

    It has a link to opt out if the project has a public URL. For an `https` link, mail programs show their own button
    (RFC 8058).
    """
    refund = notice.refund
    address = refund.request.customer_email
    subject, body = _words(refund, notice.notified_of)
    # Suppress out-of-office replies (RFC 3834).
    headers = {"Message-ID": _message_id(refund), "Auto-Submitted": "auto-generated"}
    if link := opt_outs.link(address):
        body = f"{body}\n\nTo get no more mails about refunds: {link}"
        headers["List-Unsubscribe"] = f"<{link}>"
        if link.lower().startswith("https:"):
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Letter(subject=subject, body=body, to=[address], headers=headers)


def _message_id(refund: Refund) -> str:
    """Return an id made of the refund, its outcome and its idempotency key.

    The key differs between refunds that have the same id in different databases. It also differs when a refund succeeds
    again after a refusal: mail programs would hide a second mail with the same id.
    """
    key = hashlib.sha256(refund.idempotency_key.encode()).hexdigest()[:12]
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<refund-{refund.pk}-{refund.status}-{key}@{domain}>"


def _words(refund: Refund, notified_of: str) -> tuple[str, str]:
    """Return subject and body."""
    amount = f"{to_major(refund.amount_minor, refund.currency)} {refund.currency}"
    line = refund.request.order_line
    if refund.status == RefundStatus.SUCCEEDED and getattr(refund, "settled_elsewhere", None):
        return f"Your refund of {amount}", (
            f"We have refunded {amount} for {line} in another way than to your original payment. "
            f"Reference: {refund.receipt}."
        )
    if refund.status == RefundStatus.SUCCEEDED:
        return f"Your refund of {amount}", f"We have refunded {amount} for {line}. Receipt: {refund.receipt}."
    if notified_of == RefundStatus.SUCCEEDED:
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
