"""Automatic retries, and what retries keep of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.exceptions import MaxRetriesExceededError, Retry

from ..stage import SECOND, STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds. Not at once: a run that begins at once can store its result before the last one stores RETRY.
SOON = STEP / 2


@scenario()
def autoretry(s: Stage) -> Iterator[float]:
    """`autoretry_for` retries what it names, with `retry_kwargs`, and lets others fail."""

    @s.task(autoretry_for=(OSError,), retry_kwargs={"max_retries": 1, "countdown": STEP})
    def named() -> None:
        raise ConnectionError("named")

    @s.task(autoretry_for=(OSError,), dont_autoretry_for=(TimeoutError,), retry_kwargs={"countdown": SOON})
    def excepted() -> None:
        raise TimeoutError("excepted")

    @s.task(autoretry_for=(OSError,))
    def other() -> None:
        raise ValueError("other")

    yield 0
    for task in (named, excepted, other):
        task.delay()
    yield 3 * STEP


@scenario()
def autoretry_with_backoff(s: Stage) -> Iterator[float]:
    """`retry_backoff` doubles the wait, up to its maximum."""

    @s.task(
        bind=True,
        autoretry_for=(OSError,),
        retry_backoff=SECOND,
        retry_jitter=False,
        retry_backoff_max=2 * SECOND,
        max_retries=2,
    )
    def flaky(self: Any) -> None:
        s.note("try", self.request.retries)
        raise OSError("no")

    yield 0
    flaky.delay()
    yield SECOND / 2
    for _ in range(3):
        s.note("wait")
        yield SECOND


@scenario()
def retry_into_another_queue(s: Stage) -> Iterator[float]:
    """A retry goes to the queue that it was taken from, unless it names one."""
    first, second = s.new_queue("first"), s.new_queue("second")

    @s.task(bind=True)
    def job(self: Any, *, move: bool) -> None:
        s.note("moves" if move else "stays", self.request.delivery_info["routing_key"].partition(".")[2])
        if not self.request.retries:
            raise self.retry(countdown=SOON, **({"queue": second} if move else {}))

    yield 0
    job.apply_async(kwargs={"move": False}, queue=first)
    yield STEP
    job.apply_async(kwargs={"move": True}, queue=first)
    yield STEP


@scenario()
def retry_with_late_acks(s: Stage) -> Iterator[float]:
    """A retry acks the message that it replaces."""

    @s.task(bind=True, acks_late=True)
    def job(self: Any) -> None:
        s.note("try", self.request.retries, self.request.delivery_info["redelivered"])
        if not self.request.retries:
            raise self.retry(countdown=SOON)

    yield 0
    job.delay()
    yield STEP


@scenario()
def retry_keeps_headers(s: Stage) -> Iterator[float]:
    """A message's own headers are there in its retry too."""

    @s.task(bind=True)
    def job(self: Any) -> None:
        s.note(self.request.retries, self.request.headers, self.request.get("shop"))
        if not self.request.retries:
            raise self.retry(countdown=SOON)

    yield 0
    job.apply_async(headers={"shop": "north"})
    yield STEP


@scenario()
def retry_caught(s: Stage) -> Iterator[float]:
    """A task that catches its own Retry succeeds, and the retry was published."""

    @s.task(bind=True, max_retries=1)
    def job(self: Any) -> str:
        try:
            self.retry(countdown=SOON)
        except Retry:
            return "caught"
        except MaxRetriesExceededError:
            return "exhausted"
        return ""

    yield 0
    job.delay()
    yield STEP


@scenario()
def retry_of_a_direct_call(s: Stage) -> Iterator[float]:
    """A task that another calls as a function raises its error instead of retrying."""

    @s.task(bind=True)
    def inner(self: Any) -> None:
        s.note("inner", self.request.called_directly)
        raise self.retry(exc=ValueError("direct"), countdown=SOON)

    @s.task()
    def outer() -> None:
        inner()

    yield 0
    outer.delay()
    yield STEP
