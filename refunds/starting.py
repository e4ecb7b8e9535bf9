"""Send the reconciler's message when a worker starts: after a crash, work continues without waiting for beat."""

import logging
from typing import Any

from celery.signals import worker_ready
from kombu.exceptions import OperationalError

from .apps import LABEL
from .operations import RECONCILE_EVERY
from .tasks import reconcile

logger = logging.getLogger(__name__)


# Only the program `celery worker` sends this signal; a worker in a test's process does not. Every worker sends the
# message, whatever its queues: a crash can end every worker except the one that runs the reconciler.
@worker_ready.connect(dispatch_uid=f"{LABEL}.reconcile_at_start")
def reconcile_at_start(**_: Any) -> None:
    """Send the reconciler's message. It expires when beat sends the next one, whose run does the same work."""
    try:
        reconcile.apply_async(kwargs={"at_start": True}, expires=RECONCILE_EVERY.total_seconds())
    except OperationalError as error:
        logger.warning("this worker's start could not send the reconciler's message (%s); beat sends the next", error)
