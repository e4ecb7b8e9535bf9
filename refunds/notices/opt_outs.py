"""Store opt-outs, and sign the link in each mail."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse

from ..apps import LABEL
from ..models import ReturnRequest
from .models import Notice, NoticeStatus, OptOut
from .queries import OPTED_OUT

SALT: Final = f"{LABEL}.opt_out"
# The name of the page in the URLconf.
PAGE: Final = f"{LABEL}_opt_out"


class Forged(ValueError):
    """This project did not sign the token, or a part of it is missing."""


def opt_out(address: str, now: datetime) -> OptOut:
    """Stop mails to the address, whatever its case, and suppress its pending notices.

    A second opt-out changes nothing. A mail that a worker is sending at this moment still goes out.
    """
    with transaction.atomic():
        found, _ = OptOut.objects.get_or_create(address=address.lower(), defaults={"created_at": now})
        of_address = ReturnRequest.objects.filter(pk=OuterRef("pk"), customer_email__iexact=address)
        pending = Notice.objects.filter(Exists(of_address), due_at__isnull=False)
        pending.update(status=NoticeStatus.SUPPRESSED, due_at=None, reason=OPTED_OUT)
    return found


def has_opted_out(address: str) -> bool:
    """Return whether the address, whatever its case, has opted out."""
    return OptOut.objects.filter(address=address.lower()).exists()


def token(address: str) -> str:
    """Return a signed token that proves that a mail went to the address. It is readable and the same each time.

    It does not expire: the reader of an old mail can still opt out.
    """
    return signing.Signer(salt=SALT).sign_object(address)


def address_of(token: str) -> str:
    """Return the address in a token. Raises Forged."""
    try:
        return str(signing.Signer(salt=SALT).unsign_object(token))
    except signing.BadSignature as error:
        raise Forged("this project did not sign the token, or a part of it is missing") from error


def link(address: str) -> str | None:
    """Return the absolute URL of the customer's opt-out page; None if REFUNDS_PUBLIC_URL is empty."""
    public = getattr(settings, "REFUNDS_PUBLIC_URL", "")
    return f"{public.rstrip('/')}{reverse(PAGE, args=[token(address)])}" if public else None
