"""The Celery app of a storm's processes: `celery -A tests.chaos.stripe.storm_app`.

A storm kills a worker every few seconds, and what it kills waits for a lease and for the patience with a message to
end. As they ship these are a minute each, and a storm would be mostly waiting. The order of the waits is kept: calls to
the payer < the time limit < the lease; the reconciler looks more often than its patience ends.
"""

import os
from datetime import timedelta

from refunds.domain.retries import RetryPolicy

from ..shortened import app as shortened

# The name by which Celery finds it. A message waits behind those of all refunds of its sweep, since there is no rate
# unless one is given; to lose patience before that would double them all.
app = shortened(
    patience=timedelta(seconds=float(os.environ["REFUNDS_STORM_PATIENCE"])),
    # Three calls of half a second to connect and half a second to read, and three seconds for a busy machine.
    limit=timedelta(seconds=6),
    lease=timedelta(seconds=7),
    look=timedelta(seconds=2),
    policy=RetryPolicy(
        base=timedelta(seconds=0.2),
        cap=timedelta(seconds=5),
        least=timedelta(seconds=0.1),
        # Bad luck must not look like a lost refund. With 30 % of calls spoilt a first attempt fails in 30 % of cases,
        # each further one, which searches before it pays, in 51 %. As shipped, 12 attempts, 2 of 10,000 refunds would
        # give up (10,000 * 0.3 * 0.51**11); with 40 it is one in 10**8 storms, and kills count as attempts as well.
        max_attempts=40,
    ),
)
