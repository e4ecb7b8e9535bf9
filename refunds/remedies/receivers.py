"""Receive the core's signals."""

from datetime import datetime
from typing import Any, Final

from django.dispatch import receiver
from django.utils.translation import gettext

from .. import signals
from ..apps import LABEL
from ..domain.refunds import RefundStatus
from ..domain.sweeps import IdRange
from ..models import Refund, WalletEntry
from .labels import Remedy
from .models import SecondReceipt, SettledElsewhere

UNCHECKED: Final = SecondReceipt.objects.filter(checked_at=None)


@receiver(signals.second_receipt, dispatch_uid=f"{LABEL}.remedies.second_receipt")
def keep_second_receipt(*, refund: Refund, receipt: str, now: datetime, **_: Any) -> None:
    """Store each second receipt of a refund once."""
    SecondReceipt.objects.get_or_create(refund=refund, receipt=receipt, defaults={"found_at": now})


@receiver(signals.refunds_settled, dispatch_uid=f"{LABEL}.remedies.refunds_settled")
def forget_settled_elsewhere(*, id_range: IdRange, now: datetime, **_: Any) -> None:
    """Delete the rows of refunds that have failed again; the admin's history keeps the reasons."""
    of_range = SettledElsewhere.objects.filter(pk__gte=id_range.first_id, pk__lte=id_range.last_id)
    of_range.filter(refund__status=RefundStatus.FAILED, refund__settled_at=now).delete()


@receiver(signals.health_requested, dispatch_uid=f"{LABEL}.remedies.health_requested")
def paid_twice(*, now: datetime, **_: Any) -> list[str]:
    """Return a line if refunds have a second receipt that no operator has checked."""
    found = UNCHECKED.filter(found_at__lte=now).select_related("refund")
    first = found.order_by("found_at").first()
    if first is None:
        return []
    receipts = ", ".join([first.refund.receipt, *first.refund.second_receipts.values_list("receipt", flat=True)])
    count = found.values("refund").distinct().count()
    line = gettext(
        "possibly paid twice: %(count)s, the first is refund %(id)s with the receipts %(receipts)s; compare them with "
        'the payment provider\'s, then use "%(remedy)s" on its page in the admin'
    )
    remedy = Remedy.CLEAR_SECOND_RECEIPT.label
    return [line % {"count": count, "id": first.refund_id, "receipts": receipts, "remedy": remedy}]


@receiver(signals.audit_requested, dispatch_uid=f"{LABEL}.remedies.audit_requested")
def contradictions(**_: Any) -> dict[str, int]:
    """Count refunds that were possibly paid twice, and the wallet's credits for refunds that were settled elsewhere."""
    return {
        "credits for refunds that were settled elsewhere": WalletEntry.objects.filter(
            refund__settled_elsewhere__isnull=False
        ).count(),
        "refunds possibly paid twice": UNCHECKED.values("refund").distinct().count(),
    }
