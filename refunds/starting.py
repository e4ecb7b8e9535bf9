"""A worker asks for the reconciler when it starts: after a crash, work goes on without waiting for beat."""

import logging
from typing import Any

from celery.signals import worker_ready
from kombu.exceptions import OperationalError

from .apps import LABEL
from .operations import RECONCILE_EVERY
from .tasks import reconcile

logger = logging.getLogger(__name__)


# Only the program `celery worker` sends this signal; a worker in a test's process does not. Every worker asks, whatever
# its queues: a crash can end all workers but the one that runs the reconciler.
@worker_ready.connect(dispatch_uid=f"{LABEL}.reconcile_at_start")
def reconcile_at_start(**_: Any) -> None:
    """Send the reconciler's message. It expires when beat sends the next one, which does the same work."""
    try:
        reconcile.apply_async(kwargs={"at_start": True}, expires=RECONCILE_EVERY.total_seconds())
    except OperationalError as error:
        logger.warning("this worker's start could not send the reconciler's message (%s); beat sends the next", error)
