"""Time limits and rate limits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from celery.exceptions import SoftTimeLimitExceeded

from ..stage import RENEWAL, SECOND, STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds. billiard looks at its deadlines once a second.
LIMIT = 1.0


@scenario(alone=True)
def time_limit(s: Stage) -> Iterator[float]:
    """A hard limit ends the child in the middle of the task, which fails; the next task gets another child."""

    @s.task(time_limit=LIMIT)
    def slow() -> None:
        try:
            s.note("begin")
            time.sleep(4 * LIMIT)
            s.note("end")
        finally:
            s.note("cleanup")

    @s.task()
    def after() -> None:
        s.note("after")

    yield 0
    slow.delay()
    after.delay()
    yield LIMIT + RENEWAL


@scenario(alone=True, worker_concurrency=2)
def time_limit_with_late_acks(s: Stage) -> Iterator[float]:
    """A message whose task ran into its hard limit is acked, or comes back without `acks_on_failure_or_timeout`."""

    @s.task(acks_late=True, time_limit=LIMIT)
    def acked() -> None:
        s.note("acked")
        time.sleep(4 * LIMIT)

    @s.task(bind=True, acks_late=True, time_limit=LIMIT, acks_on_failure_or_timeout=False)
    def rejected(self: Any) -> None:
        s.note("rejected", self.request.delivery_info["redelivered"])
        if not self.request.delivery_info["redelivered"]:
            time.sleep(4 * LIMIT)

    yield 0
    acked.delay()
    yield STEP / 2
    rejected.delay()
    yield LIMIT + 2 * RENEWAL


@scenario(alone=True)
def soft_time_limit(s: Stage) -> Iterator[float]:
    """A soft limit is an exception in the task, which it can catch."""

    @s.task(soft_time_limit=LIMIT)
    def fails() -> None:
        try:
            time.sleep(4 * LIMIT)
        finally:
            s.note("cleanup")

    @s.task(soft_time_limit=LIMIT)
    def catches() -> str:
        try:
            time.sleep(4 * LIMIT)
        except SoftTimeLimitExceeded:
            return "in time"
        return "too late"

    yield 0
    fails.delay()
    catches.delay()
    yield 6 * LIMIT


@scenario(alone=True)
def time_limits_in_the_call(s: Stage) -> Iterator[float]:
    """The call's limits win over the task's."""

    @s.task(bind=True, soft_time_limit=60, time_limit=90)
    def job(self: object) -> str:
        s.note(self.request.timelimit)  # type: ignore[attr-defined]
        try:
            time.sleep(4 * LIMIT)
        except SoftTimeLimitExceeded:
            s.note("soft")
            time.sleep(4 * LIMIT)
        return "done"

    yield 0
    job.apply_async(soft_time_limit=LIMIT, time_limit=2 * LIMIT)
    yield 5 * LIMIT


@scenario(alone=True, task_soft_time_limit=1)
def time_limit_of_the_app(s: Stage) -> Iterator[float]:
    """The app's limits hold for tasks without their own, and for retries."""

    @s.task(bind=True, max_retries=1)
    def job(self: object) -> None:
        try:
            time.sleep(3 * LIMIT)
        except SoftTimeLimitExceeded as error:
            raise self.retry(exc=error, countdown=STEP / 2) from error  # type: ignore[attr-defined]

    yield 0
    job.delay()
    yield 6 * LIMIT


@scenario()
def rate_limit(s: Stage) -> Iterator[float]:
    """A rate limit lets a task begin when its time has come, and does not hold others up."""

    @s.task(rate_limit=f"{60 // SECOND}/m")
    def limited(n: int) -> None:
        s.note("ran", n)

    @s.task()
    def other() -> None:
        s.note("other")

    yield 0
    # kombu 5.5 counts the time since the worker's start as a second token.
    yield 2 * SECOND
    for n in range(3):
        limited.delay(n)
    yield SECOND / 2
    other.delay()
    for _ in range(2):
        yield SECOND
        s.note("wait")
    yield SECOND / 2
