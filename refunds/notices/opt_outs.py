"""Addresses that want no mail from here, and the link in each mail by which a customer says so."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from ..models import OptOut, Refund

SALT: Final = "refunds.opt_out"
# The name of the page in the URLconf.
PAGE: Final = "refunds_opt_out"


class Forged(ValueError):
    """A token that was not made here, or is not whole."""


def opt_out(address: str, now: datetime) -> OptOut:
    """Send no mail to the address any more, however it is capitalised; those that are owed are cancelled.

    Again it changes nothing. Only a mail that is being sent at this moment still goes out.
    """
    with transaction.atomic():
        found, _ = OptOut.objects.get_or_create(address=address.lower(), defaults={"created_at": now})
        owed = Refund.objects.filter(notify_at__isnull=False, request__customer_email__iexact=address)
        owed.update(notify_at=None)
    return found


def has_opted_out(address: str) -> bool:
    """Whether the address, however it is capitalised, wants no mail."""
    return OptOut.objects.filter(address=address.lower()).exists()


def token(address: str) -> str:
    """What proves that a mail went to the address: signed, readable, and the same each time.

    It does not expire, because a mail does not either: whoever finds an old one must be able to say stop.
    """
    return signing.Signer(salt=SALT).sign_object(address)


def address_of(token: str) -> str:
    """The address in a token. Raises Forged."""
    try:
        return str(signing.Signer(salt=SALT).unsign_object(token))
    except signing.BadSignature as error:
        raise Forged("the token was not made here, or is not whole") from error


def link(address: str) -> str | None:
    """The absolute address of the page for this customer; None where the setting REFUNDS_PUBLIC_URL is empty."""
    public = getattr(settings, "REFUNDS_PUBLIC_URL", "")
    return f"{public.rstrip('/')}{reverse(PAGE, args=[token(address)])}" if public else None
