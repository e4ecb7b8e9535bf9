"""The tasks: arguments in, one operation, failure into policy. Their work is in `operations`.

Arguments come by keyword and are JSON. A task ignores a keyword that its release does not know, so that a newer
producer and an older worker can meet during a deploy.
"""

import logging
import random
from datetime import timedelta
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready
from django.db import InterfaceError, OperationalError
from django.db.models import BigIntegerField
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from . import outbox
from .apps import LABEL
from .domain.retries import Retry
from .domain.sweeps import IdRange
from .errors import BadArgument
from .gateways import gateway
from .operations import PATIENCE, RECONCILE_EVERY, bulk_payments, payments, sweeps, trusted_now
from .operations import reconcile as reconciler

logger = logging.getLogger(__name__)

# A worker's child that the kernel kills, a database that is locked or away: retry soon, a few times; then leave it to
# the reconciler. `retry_on_worker_lost` counts its retries, which `reject_on_worker_lost` does not (celery 4250).
# Celery before 5.7 ignores it, and only the reconciler remains. ClocksDiffer, of `trusted_now`, is not retried: the
# reconciler sends the work to a worker whose clock is right.
LOST: dict[str, Any] = {"retry_on_worker_lost": True}
SOON: dict[str, Any] = {"retry_backoff": 1, "retry_backoff_max": 30, "default_retry_delay": 1, "max_retries": 5}
TROUBLE: dict[str, Any] = LOST | SOON | {"autoretry_for": (OperationalError, InterfaceError)}
# For pay_refund. The policy counts attempts on the row, over all messages; max_retries bounds those of one message,
# whose child can be killed each time. A retry comes when the lease of the attempt that died is over. The time limits
# (seconds) are shorter than the lease, and longer than the two calls to a payment provider that an attempt can make.
LIMITS: dict[str, Any] = LOST | {"soft_time_limit": 45, "time_limit": 50, "max_retries": payments.POLICY.max_attempts}


@shared_task(name=outbox.DECLINE_PENDING, **TROUBLE)
def decline_pending(**_newer: object) -> None:
    """Start the decline sweep. Beat sends this at the cutoff."""
    sweeps.decline_pending(trusted_now())


@shared_task(name=outbox.PLAN_SWEEP, **TROUBLE)
def plan_sweep(*, sweep_id: int, **_newer: object) -> None:
    """Split a sweep into chunks."""
    sweeps.plan_sweep(positive("sweep_id", sweep_id), trusted_now())


@shared_task(name=outbox.DECIDE_CHUNK, **TROUBLE)
def decide_chunk(*, chunk_id: int, **_newer: object) -> None:
    """Decide the rows of one chunk."""
    sweeps.decide_chunk(positive("chunk_id", chunk_id), trusted_now())


@shared_task(name=outbox.PAY_REFUNDS, **TROUBLE)
def pay_refunds(*, first_id: int, last_id: int, **_newer: object) -> None:
    """Pay what is due in a range of refunds."""
    id_range = IdRange(positive("first_id", first_id), positive("last_id", last_id))
    bulk_payments.pay_refunds(id_range, timezone.now(), gateway=gateway())


@shared_task(name=outbox.PAY_REFUND, bind=True, default_retry_delay=int(payments.LEASE.total_seconds()), **LIMITS)
def pay_refund(self: "Task[Any, Any]", /, *, refund_id: int, **_newer: object) -> None:
    """Attempt to pay one refund; a short wait is a retry, a long one is left to the reconciler, as is one too many."""
    pk = positive("refund_id", refund_id)
    jitter = random.random()  # noqa: S311  # spreads load, guards nothing
    result = payments.pay_refund(pk, timezone.now(), gateway=gateway(), jitter=jitter, clock=timezone.now)
    if isinstance(result, Retry) and result.by_message and self.request.retries < (self.max_retries or 0):
        raise self.retry(countdown=result.delay.total_seconds())


@shared_task(name=outbox.RECONCILE)
def reconcile(*, at_start: bool = False, **_newer: object) -> None:
    """Send lost messages again: after a crash (`at_start`) at once, otherwise after PATIENCE."""
    # At a start, a chunk that another worker is deciding can get a second message.
    reconciler.reconcile(trusted_now(), gateway=gateway(), patience=timedelta(0) if at_start else PATIENCE)


# Only the program `celery worker` sends this signal. Every worker asks, whatever its queues: a crash can end all
# workers but the one that runs the reconciler.
@worker_ready.connect(dispatch_uid=f"{LABEL}.reconcile_at_start")
def reconcile_at_start(**_: Any) -> None:
    """Send the reconciler's message. It expires when beat sends the next one, which does the same work."""
    try:
        reconcile.apply_async(kwargs={"at_start": True}, expires=RECONCILE_EVERY.total_seconds())
    except BrokerError as error:
        logger.warning("this worker's start could not send the reconciler's message (%s); beat sends the next", error)


def positive(name: str, value: object) -> int:
    """Return the argument if it can be the id of a row. Raises BadArgument."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= BigIntegerField.MAX_BIGINT:
        raise BadArgument(name, value)
    return value
