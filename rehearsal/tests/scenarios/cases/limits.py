"""Time limits, rate limits, slots, children and priorities."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from celery.exceptions import SoftTimeLimitExceeded

from ..stage import STEP, Stage, scenario

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
    yield 4 * LIMIT


@scenario(alone=True)
def time_limit_with_late_acks(s: Stage) -> Iterator[float]:
    """A message whose task ran into its hard limit is acked, or comes back without `acks_on_failure_or_timeout`."""

    @s.task(acks_late=True, time_limit=LIMIT)
    def acked() -> None:
        s.note("acked")
        time.sleep(4 * LIMIT)

    @s.task(acks_late=True, time_limit=LIMIT, acks_on_failure_or_timeout=False)
    def rejected() -> None:
        s.note("rejected")
        if s.count("rejected") == 1:
            time.sleep(4 * LIMIT)

    yield 0
    acked.delay()
    yield 3 * LIMIT
    rejected.delay()
    yield 4 * LIMIT


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


@scenario(alone=True, worker_concurrency=2)
def two_slots(s: Stage) -> Iterator[float]:
    """Two slots run two tasks at a time, and the third when one of them ends."""

    @s.task()
    def job(n: int, steps: float) -> None:
        s.note("begin", n)
        time.sleep(steps * STEP)
        s.note("end", n)

    yield 0
    for n, steps in ((1, 3), (2, 2), (3, 2)):
        job.delay(n, steps)
        yield STEP / 2
    yield 6 * STEP


@scenario(alone=True)
def one_slot(s: Stage) -> Iterator[float]:
    """One slot runs one task after the other, in the order of their arrival."""

    @s.task()
    def job(n: int) -> None:
        s.note("begin", n)
        time.sleep(STEP / 2)
        s.note("end", n)

    yield 0
    for n in range(4):
        job.delay(n)
    yield 4 * STEP


@scenario(alone=True, worker_prefetch_multiplier=1)
def prefetch_of_one(s: Stage) -> Iterator[float]:
    """With early acks a worker holds one message more than it runs; others stay in the queue."""

    @s.task()
    def job(n: int) -> None:
        s.note("begin", n)
        time.sleep(STEP)

    yield 0
    for n in range(4):
        job.delay(n)
    yield STEP / 2
    s.note_ready()
    yield STEP
    s.note_ready()
    yield 4 * STEP


@scenario(alone=True, worker_prefetch_multiplier=1, task_acks_late=True)
def prefetch_of_one_with_late_acks(s: Stage) -> Iterator[float]:
    """With late acks and a multiplier of 1 a worker holds what it runs."""

    @s.task()
    def job(n: int) -> None:
        s.note("begin", n)
        time.sleep(STEP)

    yield 0
    for n in range(4):
        job.delay(n)
    yield STEP / 2
    s.note_ready()
    yield STEP
    s.note_ready()
    yield 4 * STEP


@scenario(alone=True, worker_prefetch_multiplier=2, worker_concurrency=2)
def prefetch_by_slots(s: Stage) -> Iterator[float]:
    """Slots times the multiplier are prefetched."""

    @s.task()
    def job(n: int) -> None:
        time.sleep(STEP)

    yield 0
    for n in range(9):
        job.delay(n)
    yield STEP / 2
    s.note_ready()
    yield 6 * STEP


@scenario()
def rate_limit(s: Stage) -> Iterator[float]:
    """A rate limit lets one task a second begin, and does not hold others up."""

    @s.task(rate_limit="1/s")
    def limited(n: int) -> None:
        s.note("ran", n)

    @s.task()
    def other() -> None:
        s.note("other")

    yield 0
    for n in range(3):
        limited.delay(n)
    yield 0.5
    other.delay()
    yield 1
    s.note("1.5 s")
    yield 1
    s.note("2.5 s")
    yield 0.5


@scenario(alone=True, on=("redis",), worker_prefetch_multiplier=1, task_acks_late=True)
def priorities_on_redis(s: Stage) -> Iterator[float]:
    """Redis has four steps of priority, 0 first; within a step the oldest is first."""

    @s.task()
    def job(n: int, priority: int | None) -> None:
        s.note(n, priority)

    yield 0
    s.stop_worker()
    for n, priority in enumerate((9, 5, 0, None, 3, 6, 2, 9)):
        job.apply_async((n, priority), priority=priority)
    s.start_worker()
    yield 3 * STEP


@scenario(alone=True, on=("redis",), worker_prefetch_multiplier=1, task_acks_late=True)
def priorities_over_queues(s: Stage) -> Iterator[float]:
    """A worker on two queues takes the higher priority first, whichever queue has it."""
    second = s.new_queue("second")

    @s.task()
    def job(queue: str, priority: int) -> None:
        s.note(queue, priority)

    yield 0
    s.stop_worker()
    for priority in (6, 3, 0):
        job.apply_async(("first", priority), priority=priority)
    for priority in (9, 0, 3):
        job.apply_async(("second", priority), priority=priority, queue=second)
    s.start_worker()
    yield 3 * STEP


@scenario(alone=True, on=("redis",), worker_prefetch_multiplier=1, task_acks_late=True)
def queues_in_turn(s: Stage) -> Iterator[float]:
    """A worker on two queues takes from them in turn."""
    second = s.new_queue("second")

    @s.task()
    def job(queue: str, n: int) -> None:
        s.note(queue, n)

    yield 0
    s.stop_worker()
    for n in range(3):
        job.delay("first", n)
    for n in range(3):
        job.apply_async(("second", n), queue=second)
    s.start_worker()
    yield 3 * STEP


@scenario(alone=True, on=("redis",), task_inherit_parent_priority=True)
def inherited_priority(s: Stage) -> Iterator[float]:
    """With `task_inherit_parent_priority` a task's messages have its own priority."""

    @s.task(bind=True)
    def job(self: object, depth: int) -> None:
        s.note(depth, self.request.delivery_info["priority"])  # type: ignore[attr-defined]
        if depth:
            job.delay(depth - 1)

    yield 0
    job.apply_async((1,), priority=3)
    yield STEP
    job.delay(1)
    yield STEP


@scenario(alone=True, worker_max_tasks_per_child=2)
def max_tasks_per_child(s: Stage) -> Iterator[float]:
    """After so many tasks a child is replaced."""
    from celery import signals

    process = {"tasks": 0}

    def begin(**_kwargs: object) -> None:
        process["tasks"] = 0
        s.note("child")

    signals.worker_process_init.connect(begin, weak=False)
    s.connected.append((signals.worker_process_init, begin))

    @s.task()
    def job() -> None:
        process["tasks"] += 1
        s.note(process["tasks"])

    yield 0
    for _ in range(5):
        job.delay()
        yield STEP
    yield 2 * STEP
