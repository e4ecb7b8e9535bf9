"""A worker asks for the reconciler when it starts: after a crash, work goes on without waiting for beat."""

import logging
from typing import Any

from celery.signals import worker_ready
from kombu.exceptions import OperationalError

from ..operations import RECONCILE_EVERY
from ..tasks import reconcile

logger = logging.getLogger(__name__)


# Of the program `celery worker` alone: a worker in a test's process sends no worker_ready. Every worker asks, whatever
# its queues: the messages of one for payments are lost with it, and the worker of `upkeep` may never have stopped.
@worker_ready.connect(dispatch_uid="refunds.reconcile_at_start")
def reconcile_at_start(**_: Any) -> None:
    """Send the reconciler's message; it expires when beat's next one comes, which does the same."""
    try:
        reconcile.apply_async(kwargs={"at_start": True}, expires=RECONCILE_EVERY.total_seconds())
    except OperationalError as error:
        logger.warning("the reconciler was not asked for at this worker's start (%s); beat's next message is", error)
