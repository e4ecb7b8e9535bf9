"""Priorities and the order of queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


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
