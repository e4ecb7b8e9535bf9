"""Resolve a refund that failed, or one that was possibly paid twice, as an operator decides."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext

from .. import queries, signals
from ..admin.values import number, secret_in
from ..domain.refunds import TRY_AGAIN, Outcome, RefundStatus, next_status
from ..domain.sweeps import IdRange
from ..errors import BadInput
from ..gateways import gateway_class
from ..gateways.base import LONGEST_RECEIPT
from ..models import Refund, ReturnRequest, WalletEntry
from ..operations import bulk_payments
from ..text.invisible import invisible
from .labels import Remedy
from .models import SecondReceipt, SettledElsewhere

# For so long after a failure, the payment provider can still carry out the last call: a timeout ends our wait, not the
# call. This equals the lease of an attempt.
SETTLES_WITHIN: Final = timedelta(seconds=60)
# The most earlier payments that an attempt searches, so that it ends within the task's time limit.
MOST_EARLIER_PAYMENTS: Final = 3
# Characters: the length of the payment's column, and a paragraph for the refund's record.
LONGEST_PAYMENT: Final = 255
LONGEST_REASON: Final = 500

# Writes the refund's history in the transaction of the change. It gets the row as it was before the change.
Note = Callable[[Refund], None]


def checked_payment(text: str) -> str:
    """Return the payment's id without the spaces around it. Raises BadInput for an id that the gateway refuses."""
    payment = _checked(gettext("the payment's id"), text, LONGEST_PAYMENT)
    if check := getattr(gateway_class(), "check_payment", None):
        check(payment)
    return payment


def checked_receipt(text: str) -> str:
    """Return the receipt without the spaces around it. Raises BadInput."""
    receipt = _checked(gettext("the receipt"), text, LONGEST_RECEIPT)
    # Ignore case: the audit finds the wallet's receipts by LIKE, which ignores case on SQLite.
    if receipt.casefold().startswith(queries.RECEIPT):
        message = gettext(
            "the receipt begins with %(prefix)s, as only the wallet's own do; enter the reference of the payment that "
            'you made, or use "%(try_again)s" to have the wallet pay'
        )
        raise BadInput(message % {"prefix": queries.RECEIPT, "try_again": gettext(TRY_AGAIN)})
    return receipt


def checked_reason(text: str) -> str:
    """Return the reason without the spaces around it. It can have several lines. Raises BadInput."""
    return _checked(gettext("the reason"), text, LONGEST_REASON, line_breaks=True)


def _checked(name: str, text: str, limit: int, *, line_breaks: bool = False) -> str:
    value = text.strip()
    if not value:
        raise BadInput(gettext("%(name)s is missing; enter it") % {"name": name})
    if len(value) > limit:
        message = gettext("%(name)s has %(count)s characters; shorten it to %(limit)s")
        raise BadInput(message % {"name": name, "count": number(len(value)), "limit": number(limit)})
    if secret := secret_in(value):
        message = gettext("%(name)s has a secret in it, which is not shown: %(secret)s")
        raise BadInput(message % {"name": name, "secret": secret})
    # Replace each line break by one space, so that positions in the message stay right.
    if found := invisible(value.replace("\r", " ").replace("\n", " ") if line_breaks else value):
        position, character = found
        message = gettext(
            "%(name)s has a character that cannot be seen, %(character)s at position %(position)s; remove it"
        )
        raise BadInput(message % {"name": name, "character": character, "position": position})
    return value


def correct_payment(refund_id: int, payment: str, now: datetime, *, seen: int, note: Note) -> bool:
    """Give a failed refund another payment and retry it. Return False if the refund has changed since the page.

    `seen` is the refund's `tried_again` on the page. The next attempt has a new idempotency key. It first searches
    every earlier payment, because a call without an answer can have paid the refund there. Raises BadInput.
    """
    payment = checked_payment(payment)
    with transaction.atomic():
        failed = _failed(refund_id, seen)
        refund = failed.select_related("request").select_for_update(of=("self",)).first()
        if refund is None:
            return False
        _wait_for_the_last_call(refund, now)
        if payment == refund.request.payment:
            message = gettext('this is the refund\'s payment already; use "%(try_again)s" to ask for it once more')
            raise BadInput(message % {"try_again": gettext(TRY_AGAIN)})
        earlier = _earlier_payments(refund, payment)
        ReturnRequest.objects.filter(pk=refund_id).update(payment=payment)
        failed.update(key_number=F("key_number") + 1, earlier_payments="\n".join(earlier))
        bulk_payments.try_again([refund_id], now, note=lambda _: note(refund))
    return True


def _earlier_payments(refund: Refund, payment: str) -> list[str]:
    """Return the other payments on which the refund can have been paid. Raises BadInput if there are too many."""
    asked = dict.fromkeys([*refund.earlier_payments.split("\n"), refund.request.payment])
    earlier = [each for each in asked if each not in {"", payment}]
    if len(earlier) > MOST_EARLIER_PAYMENTS:
        message = gettext(
            "the refund has %(most)s earlier payments, and an attempt cannot search more of them; pay it by another "
            'way, then use "%(remedy)s"'
        )
        raise BadInput(message % {"most": MOST_EARLIER_PAYMENTS, "remedy": Remedy.SETTLE_ELSEWHERE.label})
    return earlier


def settle_elsewhere(refund_id: int, receipt: str, reason: str, now: datetime, *, seen: int, note: Note) -> bool:
    """Record that the customer was paid in another way. Return False if the refund has changed since the page.

    Send the core's signals of a settled refund, so that the customer gets a notice. `seen` is as for
    `correct_payment`. Raises BadInput.
    """
    receipt, reason = checked_receipt(receipt), checked_reason(reason)
    with transaction.atomic():
        failed = _failed(refund_id, seen)
        refund = failed.select_for_update().first()
        if refund is None:
            return False
        _wait_for_the_last_call(refund, now)
        if WalletEntry.objects.filter(pk=refund_id).exists():
            message = gettext(
                'the wallet has credited this refund already; use "%(try_again)s", which finds the credit'
            )
            raise BadInput(message % {"try_again": gettext(TRY_AGAIN)})
        status = next_status(RefundStatus.FAILED, Outcome.SETTLED_ELSEWHERE)
        failed.update(status=status, receipt=receipt, settled_at=now, failure="")
        SettledElsewhere.objects.update_or_create(refund=refund, defaults={"reason": reason})
        note(refund)
        signals.refunds_reopened.send(Refund, ids=[refund_id], now=now)
        signals.refunds_settled.send(Refund, id_range=IdRange(refund_id, refund_id), now=now)
    return True


def _failed(refund_id: int, seen: int) -> QuerySet[Refund]:
    """Return the refund if it has failed and nobody has retried it since the page was made."""
    return Refund.objects.filter(pk=refund_id, status=RefundStatus.FAILED, tried_again=seen)


def _wait_for_the_last_call(refund: Refund, now: datetime) -> None:
    """Raise BadInput while the payment provider can still be carrying out the last call for this refund."""
    if refund.settled_at is not None and now < refund.settled_at + SETTLES_WITHIN:
        message = gettext(
            "the refund failed less than a minute ago, and the payment provider can still be carrying out the last "
            "call; wait a minute, look whether the refund is still failed, and send the form again"
        )
        raise BadInput(message)


def second_receipts(refund: Refund) -> list[str]:
    """Return the receipts that came after the first one, in the order in which they came."""
    return list(SecondReceipt.objects.filter(refund=refund).order_by("pk").values_list("receipt", flat=True))


def clear_second_receipt(refund_id: int, reason: str, now: datetime, *, seen: int, note: Note) -> bool:
    """Record that an operator has compared a refund's receipts, so that `health` no longer reports it.

    `seen` is the number of second receipts on the page. Return False if it has changed. Raises BadInput.
    """
    checked_reason(reason)
    with transaction.atomic():
        refund = Refund.objects.select_for_update().filter(pk=refund_id).first()
        if refund is None or len(second_receipts(refund)) != seen:
            return False
        if not SecondReceipt.objects.filter(refund=refund, checked_at=None).update(checked_at=now):
            return False
        note(refund)
    return True
