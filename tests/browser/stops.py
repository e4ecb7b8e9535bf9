"""Included by a worker (`celery worker --include`): small chunks, and a place at which it stops, to be killed there."""

import os
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

from celery.signals import task_prerun
from celery.utils import time

from refunds import outbox
from refunds.domain import sweeps
from refunds.models import Chunk

# Rows of a chunk: a sweep of some dozen requests has a middle.
ROWS = 10
# In the worker's folder: it stops before the next chunk of a sweep that has so many done. No file, no stop.
STOP_AFTER = Path("stop-after")

vars(sweeps).update(CHUNK_ROWS=ROWS)
# The zone is turned by seconds: tests/chaos/services/app.py says what Celery cannot read then.
vars(time).update(isoparse=datetime.fromisoformat)


@task_prerun.connect
def stop(*, sender: Any, kwargs: Any, **_newer: object) -> None:
    """Stand still with a chunk in hand, as a worker without memory or network does. Only a signal ends that."""
    if sender.name != outbox.DECIDE_CHUNK or not STOP_AFTER.exists():
        return
    done = Chunk.objects.get(pk=kwargs["chunk_id"]).sweep.chunks.filter(done_at__isnull=False)
    if done.count() == int(STOP_AFTER.read_text()):
        os.kill(os.getpid(), signal.SIGSTOP)
