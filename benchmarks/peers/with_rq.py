"""RQ: a job for each return, put into the queue by its call for many."""

import os

from redis import Redis
from rq import Queue

from .approving import approve, pending

# As a module of settings, which RQ's workers read: the URL is named so there.
REDIS_URL = os.environ["REDIS_URL"]


def press(up_to_id: int) -> None:
    """Enqueue them."""
    queue = Queue(connection=Redis.from_url(REDIS_URL))
    queue.enqueue_many([Queue.prepare_data(approve, (pk,)) for pk in pending(up_to_id)])
