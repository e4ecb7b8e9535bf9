"""Write the mails to customers."""

import hashlib
from email.utils import parseaddr
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext, override

from ..domain.refunds import RefundStatus
from ..models import Refund, money
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
    """Return the mail about a settled refund or a decline; a second mail about the same outcome is identical.

    It is in the language of the setting LANGUAGE_CODE, because nobody knows the customer's. It has a link to opt out if
    the project has a public URL. For an `https` link, mail programs show their own button (RFC 8058).
    """
    address = notice.request.customer_email
    link = opt_outs.link(address)
    with override(settings.LANGUAGE_CODE):
        subject, body = _declined(notice) if notice.sentence else _settled(notice.request.refund, notice.notified_of)
        if link:
            stop = gettext("To get no more mails about returns: %(link)s") % {"link": link}
            body = f"{body}\n\n{stop}"
    # Suppress out-of-office replies (RFC 3834).
    headers = {"Message-ID": _message_id(notice), "Auto-Submitted": "auto-generated"}
    if link:
        headers["List-Unsubscribe"] = f"<{link}>"
        if link.lower().startswith("https:"):
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Letter(subject=subject, body=body, to=[address], headers=headers)


def _message_id(notice: Notice) -> str:
    """Return an id made of the request, the outcome and the idempotency key.

    The key differs between requests that have the same id in different databases. That of a refund also differs when it
    succeeds again after a refusal: mail programs would hide a second mail with the same id.
    """
    request = notice.request
    if notice.sentence:
        about, outcome, key = "request", request.status, request.key
    else:
        about, outcome, key = "refund", request.refund.status, request.refund.idempotency_key
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{about}-{notice.pk}-{outcome}-{hashlib.sha256(key.encode()).hexdigest()[:12]}@{domain}>"


def _declined(notice: Notice) -> tuple[str, str]:
    """Return subject and body. The sentence is alone in its paragraph."""
    request = notice.request
    named = {"amount": money(request.amount_minor, request.currency), "line": request.order_line}
    said = gettext("We have declined your return of %(line)s, and do not refund %(amount)s.") % named
    return gettext("Your return of %(amount)s is declined") % named, f"{said}\n\n{notice.sentence}"


def _settled(refund: Refund, notified_of: str) -> tuple[str, str]:
    """Return subject and body."""
    amount = money(refund.amount_minor, refund.currency)
    named = {"amount": amount, "line": refund.request.order_line, "receipt": refund.receipt}
    if refund.status == RefundStatus.SUCCEEDED:
        if getattr(refund, "settled_elsewhere", None):
            said = gettext(
                "We have refunded %(amount)s for %(line)s in another way than to your original payment. "
                "Reference: %(receipt)s."
            )
        else:
            said = gettext("We have refunded %(amount)s for %(line)s. Receipt: %(receipt)s.")
        return gettext("Your refund of %(amount)s") % named, said % named
    if notified_of == RefundStatus.SUCCEEDED:
        said = gettext(
            "We told you that we had refunded %(amount)s for %(line)s. The payment provider now says that this refund "
            "has failed. We are looking into it; you need not do anything."
        )
        return gettext("Your refund of %(amount)s has failed") % named, said % named
    said = gettext("We could not pay %(amount)s for %(line)s yet. We are looking into it; you need not do anything.")
    return gettext("Your refund of %(amount)s is delayed") % named, said % named
