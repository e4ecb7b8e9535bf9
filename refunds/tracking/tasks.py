"""Define the task of this room."""

from celery import shared_task
from django.utils import timezone

from ..gateways import gateway
from ..tasks import TROUBLE, positive
from . import outcomes
from .look_ups import LOOK_UP_REFUND


# Seconds: shorter than the lease of the look-up, as for a payment.
@shared_task(name=LOOK_UP_REFUND, soft_time_limit=45, time_limit=50, **TROUBLE)
def look_up_refund(*, refund_id: int, **_newer: object) -> None:
    """Ask the payment provider for a refund's outcome. The reconciler sends the next look-up when it is due."""
    pk = positive("refund_id", refund_id)
    outcomes.look_up_refund(pk, timezone.now(), gateway=gateway(), clock=timezone.now)
