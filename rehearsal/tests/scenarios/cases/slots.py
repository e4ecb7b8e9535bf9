"""Slots, prefetched messages and children."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..stage import RENEWAL, STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    job = s.long_job(STEP / 2)
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
    for _ in range(3):
        job.delay()
        yield STEP
    yield RENEWAL
