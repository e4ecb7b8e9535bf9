"""States and results."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


class PlainError(Exception):
    """An error that takes its message."""


class StrangeError(Exception):
    """An error that pickle cannot make again: it wants two arguments and keeps none."""

    def __init__(self, shop: str, number: int) -> None:
        super().__init__()
        self.shop, self.number = shop, number


@scenario()
def failures(s: Stage) -> Iterator[float]:
    """What the backend keeps of an error: of Python's, of one's own, and of one that cannot be made again."""

    @s.task()
    def job(which: str) -> None:
        raise {"python": KeyError("k"), "own": PlainError("text", 7), "strange": StrangeError("north", 3)}[which]

    yield 0
    for which in ("python", "own", "strange"):
        job.delay(which)
    yield STEP


@scenario()
def failure_with_a_cause(s: Stage) -> Iterator[float]:
    """An error with a cause fails as itself."""

    @s.task()
    def job() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise PlainError("outer") from error

    yield 0
    job.delay()
    yield STEP


@scenario()
def ignored_results(s: Stage) -> Iterator[float]:
    """Results are not stored where the task or the call says so; errors only with `store_errors_even_if_ignored`."""

    @s.task(ignore_result=True)
    def ignored(*, fails: bool) -> int:
        return 1 // (not fails)

    @s.task(ignore_result=True, store_errors_even_if_ignored=True)
    def errors(*, fails: bool) -> int:
        return 1 // (not fails)

    @s.task()
    def kept() -> int:
        return 1

    yield 0
    for fails in (False, True):
        ignored.delay(fails=fails)
        errors.delay(fails=fails)
    kept.apply_async(ignore_result=True)
    ignored.apply_async(kwargs={"fails": False}, ignore_result=False)
    yield STEP


@scenario()
def started_state(s: Stage) -> Iterator[float]:
    """With `track_started` a running task is STARTED; without, it is PENDING."""

    @s.task(track_started=True)
    def tracked() -> None:
        time.sleep(2 * STEP)

    @s.task()
    def untracked() -> None:
        time.sleep(2 * STEP)

    yield 0
    results = tracked.delay(), untracked.delay()
    yield STEP
    s.note(*(result.state for result in results))
    yield 2 * STEP


@scenario()
def custom_state(s: Stage) -> Iterator[float]:
    """A task can set a state of its own, with data."""

    @s.task(bind=True)
    def job(self: Any) -> str:
        self.update_state(state="PROGRESS", meta={"done": 1})
        time.sleep(2 * STEP)
        return "done"

    yield 0
    result = job.delay()
    yield STEP
    s.note(result.state, result.info, result.ready())
    yield 2 * STEP
    s.note(result.state, result.info, result.ready())


@scenario()
def state_while_retrying(s: Stage) -> Iterator[float]:
    """Between its runs a task is in state RETRY, with the error as its info."""

    @s.task(bind=True)
    def flaky(self: Any) -> None:
        if not self.request.retries:
            raise self.retry(exc=ValueError("no"), countdown=2 * STEP)

    yield 0
    result = flaky.delay()
    yield STEP
    s.note(result.state, repr(result.info))
    yield 2 * STEP
    s.note(result.state)


@scenario()
def state_of_an_unknown_id(s: Stage) -> Iterator[float]:
    """An id that nobody has used is PENDING."""

    @s.task()
    def job() -> None:
        pass

    yield 0
    s.note(job.AsyncResult("nobody").state)


@scenario()
def waiting_for_a_result(s: Stage) -> Iterator[float]:
    """`get` waits, raises the task's error, gives it back with `propagate=False`, and times out."""

    @s.task()
    def job(*, fails: bool = False, seconds: float = 0) -> str:
        time.sleep(seconds)
        if fails:
            raise PlainError("no")
        return "done"

    yield 0
    s.note(job.delay(seconds=STEP).get(timeout=20))
    try:
        job.delay(fails=True).get(timeout=20)
    except Exception as error:
        s.note(repr(error))
    s.note(repr(job.delay(fails=True).get(timeout=20, propagate=False)))
    try:
        job.delay(seconds=2 * STEP).get(timeout=STEP)
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


@scenario(alone=True, result_expires=1)
def expired_result(s: Stage) -> Iterator[float]:
    """A result lives for `result_expires` seconds."""

    @s.task()
    def job() -> int:
        return 1

    yield 0
    result = job.delay()
    yield 0.5
    s.note(job.AsyncResult(result.id).state)
    yield 2
    s.note(job.AsyncResult(result.id).state)


@scenario()
def results_of_other_types(s: Stage) -> Iterator[float]:
    """A result passes through JSON: what it cannot hold fails the task."""

    @s.task()
    def job(which: str) -> Any:
        from datetime import UTC, datetime
        from decimal import Decimal
        from uuid import UUID

        return {
            "tuple": (1, 2),
            "keys": {1: "one"},
            "datetime": datetime(2026, 1, 1, tzinfo=UTC),
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
    from datetime import UTC, datetime

    @s.task()
    def job(value: Any) -> None:
        s.note(repr(value))

    yield 0
    for value in ((1, (2, 3)), {1: "one"}, datetime(2026, 1, 1, tzinfo=UTC), None, "Київ"):
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


@scenario(alone=True)
def worker_shutdown_in_a_task(s: Stage) -> Iterator[float]:
    """What WorkerShutdown in a task does."""
    from celery.exceptions import WorkerShutdown

    @s.task()
    def raises() -> None:
        s.note("raises")
        raise WorkerShutdown(0)

    @s.task()
    def after() -> None:
        s.note("after")

    yield 0
    raises.delay()
    yield 2 * STEP
    after.delay()
    yield 2 * STEP
