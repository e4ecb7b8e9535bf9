"""States."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..stage import RENEWAL, STEP, Stage, scenario

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
    for task in (tracked, untracked):
        result = task.delay()
        yield STEP
        s.note(result.state)
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
    yield STEP
    after.delay()
    yield RENEWAL


class OutsideError(BaseException):
    """Outside of Exception, as asyncio.CancelledError is."""


@scenario(alone=True)
def exceptions_outside_of_exception(s: Stage) -> Iterator[float]:
    """What Celery does not catch ends in the pool: the task fails, and the worker goes on."""
    import asyncio

    @s.task()
    def job(which: str) -> None:
        raise {
            "cancelled": asyncio.CancelledError("late"),
            "generator": GeneratorExit(),
            "own": OutsideError("own", 3),
        }[which]

    yield 0
    for which in ("cancelled", "generator", "own"):
        job.delay(which)
        yield STEP
    yield RENEWAL


@scenario(alone=True)
def exceptions_outside_of_exception_with_late_acks(s: Stage) -> Iterator[float]:
    """They are acked as a failure is, or given back where the child is lost and the task says so."""
    import asyncio

    from celery.exceptions import WorkerTerminate

    @s.task(bind=True, acks_late=True, reject_on_worker_lost=True)
    def job(self: Any, which: str) -> None:
        s.note(which, self.request.delivery_info["redelivered"])
        if self.request.delivery_info["redelivered"]:
            return
        raise {"cancelled": asyncio.CancelledError("late"), "terminate": WorkerTerminate(3)}[which]

    yield 0
    for which in ("cancelled", "terminate"):
        job.delay(which)
        yield STEP + RENEWAL


@scenario(alone=True)
def exceptions_outside_of_exception_in_handlers(s: Stage) -> Iterator[float]:
    """A handler in the child ends the task as the task itself would."""
    from celery import signals

    def handler(sender: Any = None, **_kwargs: Any) -> None:
        if getattr(sender, "name", "").startswith(f"{s.name}."):
            s.note("handler")
            raise OutsideError("handler")

    signals.task_postrun.connect(handler, weak=False)
    s.connected.append((signals.task_postrun, handler))

    @s.task()
    def job() -> None:
        s.note("run")

    yield 0
    job.delay()
    yield STEP + RENEWAL
