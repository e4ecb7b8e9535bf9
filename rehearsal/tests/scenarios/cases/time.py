"""When a task runs: countdown, ETA and expiry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from scenarios.stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


@scenario()
def delay(s: Stage) -> Iterator[float]:
    """A task that is sent runs once and stores its result."""

    @s.task()
    def add(x: int, y: int) -> int:
        s.note("ran")
        return x + y

    yield 0
    add.delay(1, 2)
    yield STEP


@scenario()
def countdown(s: Stage) -> Iterator[float]:
    """A countdown keeps its message unacked in the worker until it is due."""

    @s.task()
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    job.apply_async((2,), countdown=2 * STEP)
    job.apply_async((1,), countdown=STEP)
    yield STEP / 2
    s.note("nothing ran")
    yield 3 * STEP
