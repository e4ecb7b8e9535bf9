"""What this room keeps when the core reports a second receipt."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from .. import signals
from ..models import Refund
from . import closing


@receiver(signals.second_receipt, dispatch_uid=f"{__name__}.second_receipt")
def keep(*, refund: Refund, receipt: str, now: datetime, **_: Any) -> None:
    """Keep the receipt until an operator has checked it."""
    closing.keep_second_receipt(refund.pk, receipt, now)
