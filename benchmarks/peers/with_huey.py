"""Huey: a task for each return, put into the queue by its call for many."""

import os

from huey import RedisHuey

from . import approving

huey = RedisHuey("peers", url=os.environ["REDIS_URL"])


@huey.task()
def approve(pk: int) -> None:
    """One return."""
    approving.approve(pk)


def press(up_to_id: int) -> None:
    """Enqueue them."""
    approve.map(approving.pending(up_to_id))
