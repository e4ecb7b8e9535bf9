"""What waits for results, and what passes through the serializer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..stage import SECOND, STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


class PlainError(Exception):
    """An error that takes its message."""


@scenario()
def waiting_for_a_result(s: Stage) -> Iterator[float]:
    """`get` waits, raises the task's error, gives it back with `propagate=False`, and times out."""

    @s.task()
    def job(*, fails: bool = False, steps: int = 0) -> str:
        time.sleep(steps * STEP)
        if fails:
            raise PlainError("no")
        return "done"

    yield 0
    s.note(job.delay(steps=1).get(timeout=20))
    try:
        job.delay(fails=True).get(timeout=20)
    except Exception as error:
        s.note(repr(error))
    s.note(repr(job.delay(fails=True).get(timeout=20, propagate=False)))
    try:
        job.delay(steps=2).get(timeout=STEP)
    except Exception as error:
        s.note(type(error).__name__)
    yield 2 * STEP


@scenario()
def waiting_inside_a_task(s: Stage) -> Iterator[float]:
    """A task that waits for another's result fails."""

    @s.task()
    def inner() -> None:
        pass

    @s.task()
    def outer() -> None:
        inner.delay().get(timeout=1)

    yield 0
    outer.delay()
    yield 2 * STEP


@scenario()
def forgotten_result(s: Stage) -> Iterator[float]:
    """A result that is forgotten is gone."""

    @s.task()
    def job() -> int:
        return 1

    yield 0
    result = job.delay()
    yield STEP
    s.note(result.state)
    result.forget()
    s.note(job.AsyncResult(result.id).state)


@scenario(alone=True, result_expires=SECOND)
def expired_result(s: Stage) -> Iterator[float]:
    """A result lives for `result_expires` seconds."""

    @s.task()
    def job() -> int:
        return 1

    yield 0
    result = job.delay()
    yield SECOND / 2
    s.note(job.AsyncResult(result.id).state)
    yield 2 * SECOND
    s.note(job.AsyncResult(result.id).state)


@scenario()
def results_of_other_types(s: Stage) -> Iterator[float]:
    """A result passes through JSON: what it cannot hold fails the task."""

    @s.task()
    def job(which: str) -> Any:
        from datetime import datetime, timezone
        from decimal import Decimal
        from uuid import UUID

        return {
            "tuple": (1, 2),
            "keys": {1: "one"},
            "datetime": datetime(2026, 1, 1, tzinfo=timezone.utc),
            "decimal": Decimal("1.50"),
            "uuid": str(UUID(int=1))[:8],
            "set": sorted({1, 2}),
            "object": object(),
            "generator": (n for n in range(3)),
            "exception": ValueError("returned"),
        }[which]

    yield 0
    for which in ("tuple", "keys", "datetime", "decimal", "uuid", "set"):
        job.delay(which)
    yield STEP


@scenario()
def result_that_is_no_json(s: Stage) -> Iterator[float]:
    """A result that the serializer refuses is a failure."""

    @s.task()
    def job() -> Any:
        return {1, 2}.__iter__()

    yield 0
    result = job.delay()
    yield STEP
    s.note(type(result.info).__name__)


@scenario()
def arguments_through_json(s: Stage) -> Iterator[float]:
    """Arguments pass through JSON: tuples become lists, keys become strings, dates stay dates."""
    from datetime import datetime, timezone

    @s.task()
    def job(value: Any) -> None:
        s.note(repr(value))

    yield 0
    for value in ((1, (2, 3)), {1: "one"}, datetime(2026, 1, 1, tzinfo=timezone.utc), None, "Київ"):
        job.delay(value)
        yield STEP / 2


@scenario()
def arguments_that_are_no_json(s: Stage) -> Iterator[float]:
    """What the serializer refuses is the publisher's error, and nothing is sent."""

    @s.task()
    def job(_value: Any) -> None:
        s.note("ran")

    yield 0
    try:
        job.apply_async((object(),), argsrepr="(an object)")
    except Exception as error:
        s.note(type(error).__name__)
    yield STEP


@scenario()
def wrong_arguments(s: Stage) -> Iterator[float]:
    """`delay` checks the signature; `send_task` does not, and the task fails."""

    @s.task()
    def job(x: int) -> int:
        return x

    yield 0
    try:
        job.delay(1, 2)
    except TypeError as error:
        s.note(str(error).partition(")")[2])
    s.app.send_task(job.name, args=(1, 2))
    yield STEP


@scenario()
def big_arguments(s: Stage) -> Iterator[float]:
    """A message of a megabyte."""

    @s.task()
    def job(text: str) -> int:
        return len(text)

    yield 0
    job.apply_async(("x" * 1_000_000,), argsrepr="(a megabyte)")
    job.apply_async(("x" * 1_000_000,), argsrepr="(zipped)", compression="gzip")
    yield 2 * STEP


@scenario(alone=True, result_backend="rpc://")
def results_by_rpc(s: Stage) -> Iterator[float]:
    """With rpc:// who has called a task gets its result, and a chord is refused."""
    from celery import chord

    @s.task()
    def double(n: int) -> int:
        return 2 * n

    @s.task()
    def fail() -> None:
        raise ValueError("no")

    yield 0
    s.note(double.delay(4).get(timeout=10))
    s.note(repr(fail.delay().get(timeout=10, propagate=False)))
    try:
        chord([double.s(1)])(double.si(2))
    except NotImplementedError:
        s.note("no chords")
    yield STEP
