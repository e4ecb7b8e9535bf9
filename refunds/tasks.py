"""The tasks: arguments in, one operation, failure into policy. What they do is in refunds.operations.

Arguments come by keyword and are JSON; a keyword that this release does not know is passed over, so that a newer
producer and an older worker can meet during a deploy.
"""

import random
from datetime import datetime, timedelta
from typing import Any

from celery import Task, shared_task
from django.db import InterfaceError, OperationalError
from django.db.models import BigIntegerField
from django.utils import timezone

from .domain.retries import Again
from .domain.sweeps import IdRange
from .errors import BadArgument
from .gateways import gateway, limiter
from .notices import sending
from .operations import PATIENCE, bulk_payments, clocks, payments, sweeps
from .operations import reconcile as reconciler

# A database that is locked or away, a worker's child that the kernel kills: soon again, a few times; after that the
# reconciler. `retry_on_worker_lost` counts its retries, which `reject_on_worker_lost` does not (celery 4250); before
# Celery 5.7 it is not known, and the reconciler is all there is.
LOST: dict[str, Any] = {"retry_on_worker_lost": True}
TROUBLE: dict[str, Any] = {
    **LOST,
    "autoretry_for": (OperationalError, InterfaceError),
    "retry_backoff": 1,
    "retry_backoff_max": 30,
    "default_retry_delay": 1,
    "max_retries": 5,
}


@shared_task(name="refunds.decline_pending", **TROUBLE)
def decline_pending(**_newer: object) -> None:
    """Beat's message at the cut-off."""
    sweeps.decline_pending(_now())


@shared_task(name="refunds.plan_sweep", **TROUBLE)
def plan_sweep(*, sweep_id: int, **_newer: object) -> None:
    """Part a sweep into chunks."""
    sweeps.plan_sweep(_positive("sweep_id", sweep_id), _now())


@shared_task(name="refunds.decide_chunk", **TROUBLE)
def decide_chunk(*, chunk_id: int, **_newer: object) -> None:
    """Decide the rows of one chunk."""
    sweeps.decide_chunk(_positive("chunk_id", chunk_id), _now())


@shared_task(name="refunds.pay_refunds", **TROUBLE)
def pay_refunds(*, first_id: int, last_id: int, **_newer: object) -> None:
    """Pay what is due in a range of refunds."""
    id_range = IdRange(_positive("first_id", first_id), _positive("last_id", last_id))
    bulk_payments.pay_refunds(id_range, timezone.now(), gateway=gateway(), limiter=limiter())


# The policy counts attempts, on the row, over all messages; max_retries bounds what one message may come to, a child
# killed each time included. Its retry comes when the lease of the attempt that died is over. The time limits (seconds)
# are shorter than the lease and longer than the two calls to a payer that an attempt may make.
@shared_task(
    name="refunds.pay_refund",
    bind=True,
    default_retry_delay=int(payments.LEASE.total_seconds()),
    max_retries=payments.POLICY.max_attempts,
    soft_time_limit=45,
    time_limit=50,
    **LOST,
)
def pay_refund(self: "Task[Any, Any]", /, *, refund_id: int, **_newer: object) -> None:
    """Attempt to pay one refund; a short wait is a retry, a long one is left to the reconciler, as is one too many."""
    result = payments.pay_refund(
        _positive("refund_id", refund_id),
        timezone.now(),
        gateway=gateway(),
        limiter=limiter(),
        jitter=random.random(),  # noqa: S311  # spreads load, guards nothing
        clock=timezone.now,
    )
    if isinstance(result, Again) and result.by_message and self.request.retries < (self.max_retries or 0):
        raise self.retry(countdown=result.delay.total_seconds())


@shared_task(name="refunds.notify_customer", **TROUBLE)
def notify_customer(*, refund_id: int, last_id: int | None = None, **_newer: object) -> None:
    """Tell a customer how the refund ended, or with `last_id` those of all refunds up to it.

    Where the mail server does not take a mail, the reconciler sends it again. A release before `last_id` tells the
    first of them, and the reconciler sends the others.
    """
    first = _positive("refund_id", refund_id)
    if last_id is None:
        sending.notify_customer(first, timezone.now())
    else:
        sending.notify_customers(IdRange(first, _positive("last_id", last_id)), timezone.now)


@shared_task(name="refunds.reconcile")
def reconcile(*, at_start: bool = False, **_newer: object) -> None:
    """Send again what has no message any more.

    A worker that starts asks for it with `at_start`: what was under way before a crash is then lost at once, and not
    after a minute. At most a chunk that another worker runs at this moment gets a second message.
    """
    patience = timedelta(0) if at_start else PATIENCE
    reconciler.reconcile(_now(), gateway=gateway(), limiter=limiter(), patience=patience)


@shared_task(name="refunds.send_digest", autoretry_for=(OSError,), retry_backoff=2, max_retries=5)
def send_digest(**_newer: object) -> None:
    """The evening's mail to the admins."""
    sending.send_digest(_now())


def _now() -> datetime:
    """The time by which a cutoff is judged. Raises ClocksDiffer.

    That is a failure without a retry: the reconciler sends again what is undone, to a worker whose clock is right.
    """
    return clocks.trusted(timezone.now)


def _positive(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= BigIntegerField.MAX_BIGINT:
        raise BadArgument(name, value)
    return value
