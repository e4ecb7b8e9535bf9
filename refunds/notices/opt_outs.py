"""Opting out of mails: the addresses, and the signed link in each mail."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse

from ..apps import LABEL
from ..models import Refund
from .models import Notice, NoticeStatus, OptOut
from .queries import OPTED_OUT

SALT: Final = f"{LABEL}.opt_out"
# The name of the page in the URLconf.
PAGE: Final = f"{LABEL}_opt_out"


class Forged(ValueError):
    """A token that this project did not sign, or only a part of one."""


def opt_out(address: str, now: datetime) -> OptOut:
    """Send no more mail to the address, in whatever case it is written, and suppress its pending notices.

    A second opt-out changes nothing. A mail that is being sent at this moment still goes out.
    """
    with transaction.atomic():
        found, _ = OptOut.objects.get_or_create(address=address.lower(), defaults={"created_at": now})
        of_address = Refund.objects.filter(pk=OuterRef("pk"), request__customer_email__iexact=address)
        pending = Notice.objects.filter(Exists(of_address), due_at__isnull=False)
        pending.update(status=NoticeStatus.SUPPRESSED, due_at=None, reason=OPTED_OUT)
    return found


def has_opted_out(address: str) -> bool:
    """Whether the address, in whatever case it is written, has opted out."""
    return OptOut.objects.filter(address=address.lower()).exists()


def token(address: str) -> str:
    """Return the proof that a mail went to the address: signed, readable, and the same each time.

    It does not expire, because mails do not expire either: the reader of an old mail can still opt out.
    """
    return signing.Signer(salt=SALT).sign_object(address)


def address_of(token: str) -> str:
    """Return the address in a token. Raises Forged."""
    try:
        return str(signing.Signer(salt=SALT).unsign_object(token))
    except signing.BadSignature as error:
        raise Forged("this project did not sign the token, or a part of it is missing") from error


def link(address: str) -> str | None:
    """Return the absolute address of the customer's opt-out page; None where REFUNDS_PUBLIC_URL is empty."""
    public = getattr(settings, "REFUNDS_PUBLIC_URL", "")
    return f"{public.rstrip('/')}{reverse(PAGE, args=[token(address)])}" if public else None
