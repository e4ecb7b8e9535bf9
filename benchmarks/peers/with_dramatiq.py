"""Dramatiq: a message for each return."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from . import approving

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))


@dramatiq.actor
def approve(pk: int) -> None:
    """One return."""
    approving.approve(pk)


def press(up_to_id: int) -> None:
    """Send them."""
    for pk in approving.pending(up_to_id):
        approve.send(pk)
