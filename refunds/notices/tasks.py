"""Define the tasks of this room. They treat arguments and unknown keywords as the core's tasks do."""

from celery import shared_task
from django.utils import timezone

from ..apps import LABEL
from ..domain.sweeps import IdRange
from ..operations import trusted_now
from ..tasks import TROUBLE, positive
from . import digest, sending


@shared_task(name=sending.NOTIFY_CUSTOMER, **TROUBLE)
def notify_customer(*, refund_id: int, last_id: int | None = None, **_newer: object) -> None:
    """Notify a customer of how the refund ended, or that the request with this id was declined.

    A refund has the id of its request. With `last_id`, notify the customers of all up to it.

    If the mail server does not accept a mail, the reconciler sends the message again. A release without `last_id`
    notifies the first customer, and the reconciler sends messages for the others.
    """
    first = positive("refund_id", refund_id)
    if last_id is None:
        sending.notify_customer(first, timezone.now())
    else:
        sending.notify_customers(IdRange(first, positive("last_id", last_id)), timezone.now)


# If the mail server is down, retry after at most 2, 4, 8, 16 and 32 seconds, then give up until the next evening.
@shared_task(name=f"{LABEL}.send_digest", autoretry_for=(OSError,), retry_backoff=2, max_retries=5)
def send_digest(**_newer: object) -> None:
    """Send the evening's mail to the admins."""
    digest.send_digest(trusted_now())
