"""The app of Celery's first lesson: its tasks have the names that they have in Celery's documentation.

It belongs to nobody else: not the current app, its tasks not shared with others, and it leaves Django alone.
"""

from functools import partial
from typing import Any

from celery import Celery

app = Celery("lesson", set_as_current=False, fixups=[])
app.conf.update(
    timezone="Europe/Kyiv",
    # In this process, until a lane puts its own in their place.
    broker_url="memory://",
    result_backend="cache+memory://",
    accept_content=["json"],
    result_accept_content=["json"],
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    task_routes={"lesson.app.mul": {"queue": "multiplication"}},
)
task = partial(app.task, shared=False)


class Broken(Exception):
    """What the flaky task meets."""


@task
def add(x: int, y: int) -> int:
    """The sum."""
    return x + y


@task
def mul(x: int, y: int) -> int:
    """The product."""
    return x * y


@task
def xsum(numbers: list[int]) -> int:
    """The sum of a list."""
    return sum(numbers)


@task
def fail() -> None:
    """Raises Broken."""
    raise Broken("on purpose")


@task(bind=True, default_retry_delay=60, max_retries=3)
def flaky(self: Any, failures: int, countdown: float | None = None) -> int:
    """Meets Broken `failures` times and tries again; returns the number of the attempt that went well."""
    try:
        if self.request.retries < failures:
            raise Broken(f"attempt {self.request.retries + 1}")
    except Broken as broken:
        raise self.retry(exc=broken, countdown=countdown) from broken
    return int(self.request.retries) + 1


@task(autoretry_for=(Broken,), retry_backoff=10, retry_jitter=False, max_retries=3)
def stubborn() -> None:
    """Raise Broken each time; Celery retries the task after 10, 20 and 40 seconds."""
    raise Broken("again")


@task(rate_limit="10/m")
def limited(number: int) -> int:
    """At most ten a minute for each worker."""
    return number
