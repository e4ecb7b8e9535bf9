"""What a worker's start does: it refuses a folder without a database, and asks for the reconciler.

After a crash, work goes on without waiting for beat.
"""

import logging
import sys
from typing import Any

from celery.signals import celeryd_init, worker_ready
from kombu.exceptions import OperationalError

from ..operations import RECONCILE_EVERY
from ..project.database import EXIT_STATUS, missing_file
from ..tasks import reconcile

logger = logging.getLogger(__name__)


# Of the program `celery worker` alone, before it connects to anything.
@celeryd_init.connect(dispatch_uid="refunds.refuse_missing_file")
def refuse_missing_file(**_: Any) -> None:
    """End a worker whose SQLite file is not there: it would make an empty one, and every task would fail on that."""
    line = missing_file()
    if line:
        sys.stderr.write(f"{line}\n")
        sys.exit(EXIT_STATUS)


# Of the program `celery worker` alone: a worker in a test's process sends no worker_ready. Every worker asks, whatever
# its queues: the messages of one for payments are lost with it, and the worker of `upkeep` may never have stopped.
@worker_ready.connect(dispatch_uid="refunds.reconcile_at_start")
def reconcile_at_start(**_: Any) -> None:
    """Send the reconciler's message; it expires when beat's next one comes, which does the same."""
    try:
        reconcile.apply_async(kwargs={"at_start": True}, expires=RECONCILE_EVERY.total_seconds())
    except OperationalError as error:
        logger.warning("the reconciler was not asked for at this worker's start (%s); beat's next message is", error)
