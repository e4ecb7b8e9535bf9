"""The Celery app of the scenarios' processes: `celery -A tests.services.app`.

Small chunks, so that many are in flight; waits of seconds instead of minutes, in the order in which they ship: time
limit < lease; the reconciler looks more often than its patience ends.
"""

import json
import os
from datetime import timedelta

from refunds.domain import sweeps
from refunds.domain.retries import RetryPolicy

from ..shortened import app as shortened

vars(sweeps).update(CHUNK_ROWS=int(os.environ["REFUNDS_SITE_CHUNK_ROWS"]))

# The name by which Celery finds it.
app = shortened(
    patience=timedelta(seconds=4),
    limit=timedelta(seconds=6),
    lease=timedelta(seconds=7),
    look=timedelta(seconds=2),
    policy=RetryPolicy(
        base=timedelta(seconds=0.5),
        cap=timedelta(seconds=3),
        least=timedelta(seconds=0.5),
        # A kill is an attempt as well: bad luck must not look like a refund that is given up.
        max_attempts=40,
    ),
)
# What a place of one's own on a broker wants, such as a prefix for keys.
app.conf.update(json.loads(os.environ["REFUNDS_SITE_CELERY"]))
