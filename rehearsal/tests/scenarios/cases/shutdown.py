"""Warm shutdown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


@scenario(alone=True)
def shutdown_waits_for_a_task(s: Stage) -> Iterator[float]:
    """SIGTERM lets the running task end, and its result is stored."""

    @s.task(acks_late=True)
    def job() -> str:
        s.note("begin")
        time.sleep(2 * STEP)
        s.note("end")
        return "done"

    yield 0
    job.delay()
    yield STEP
    s.stop_worker()
    s.note("stopped")
    yield STEP


@scenario(alone=True)
def shutdown_with_prefetched_messages(s: Stage) -> Iterator[float]:
    """What SIGTERM does to messages that the pool holds and to those that wait for their ETA."""
    job = s.long_job()
    yield 0
    for n in (1, 2, 3):
        job.delay(n)
    job.apply_async((4,), countdown=30)
    yield STEP
    s.stop_worker()
    s.note("stopped")
    yield STEP


@scenario(alone=True)
def shutdown_and_start(s: Stage) -> Iterator[float]:
    """The next worker takes over what was given back, once."""

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    job.apply_async(countdown=3 * STEP)
    yield STEP
    s.stop_worker()
    s.note("stopped")
    yield STEP
    s.start_worker()
    yield 3 * STEP


@scenario(alone=True)
def messages_wait_for_a_worker(s: Stage) -> Iterator[float]:
    """What is sent while no worker runs waits in order."""

    @s.task()
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    s.stop_worker()
    for n in range(5):
        job.delay(n)
    yield STEP
    s.note("start")
    s.start_worker()
    yield 2 * STEP
