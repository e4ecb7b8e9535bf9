"""The Celery app of the scenarios' processes: `celery -A tests.chaos.services.app`.

Small chunks, so that many are in flight; waits of seconds instead of minutes, in the order in which they ship: time
limit < lease; the reconciler looks more often than its patience ends.
"""

import json
import os
from datetime import datetime, timedelta

from celery.utils import time

from refunds.domain import sweeps
from refunds.domain.retries import RetryPolicy

from ..shortened import app as shortened

# Kyiv is turned by seconds, and an instant there has them in its offset: Python reads that, but dateutil, by which
# Celery reads an ETA, only up to minutes.
vars(time).update(isoparse=datetime.fromisoformat)
vars(sweeps).update(CHUNK_ROWS=int(os.environ["REFUNDS_SITE_CHUNK_ROWS"]))

# The name by which Celery finds it.
app = shortened(
    patience=timedelta(seconds=3),
    limit=timedelta(seconds=3),
    lease=timedelta(seconds=4),
    look=timedelta(seconds=2),
    policy=RetryPolicy(
        base=timedelta(seconds=1),
        cap=timedelta(seconds=3),
        # Not less: RabbitMQ's delayed delivery counts in whole seconds, and kombu refuses to publish a part of one.
        least=timedelta(seconds=1),
        max_attempts=int(os.environ["REFUNDS_SITE_ATTEMPTS"]),
    ),
)
from refunds.notices import sending  # noqa: E402  # of an app whose Django is set up

# A mail that was being sent when its worker or its database went away; as it ships, two minutes.
vars(sending).update(LEASE=timedelta(seconds=10))
# What a place of one's own on a broker wants, such as a prefix for keys.
app.conf.update(json.loads(os.environ["REFUNDS_SITE_CELERY"]))
