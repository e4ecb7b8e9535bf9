"""Retries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from celery.exceptions import MaxRetriesExceededError, Retry

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds. Not at once: a run that begins at once can store its result before the last one stores RETRY.
SOON = STEP / 2


@scenario()
def retry_after_a_countdown(s: Stage) -> Iterator[float]:
    """A retry is a new message with the same id, after its countdown."""

    @s.task(bind=True, max_retries=2)
    def flaky(self: Any) -> int:
        s.note("try", self.request.retries)
        if self.request.retries < 2:
            raise self.retry(countdown=STEP)
        return int(self.request.retries)

    yield 0
    flaky.delay()
    yield STEP / 2
    s.note("wait")
    yield STEP
    s.note("wait")
    yield 2 * STEP


@scenario()
def retry_at_an_eta(s: Stage) -> Iterator[float]:
    """A retry can name its instant."""

    @s.task(bind=True)
    def flaky(self: Any) -> None:
        s.note("try", self.request.retries)
        if not self.request.retries:
            raise self.retry(eta=datetime.now(UTC) + timedelta(seconds=STEP))

    yield 0
    flaky.delay()
    yield STEP / 2
    s.note("wait")
    yield 2 * STEP


@scenario()
def retries_exhausted(s: Stage) -> Iterator[float]:
    """After its last retry a task fails: with its own error, the given one, or MaxRetriesExceededError."""

    @s.task(bind=True, max_retries=1)
    def bare(self: Any) -> None:
        raise self.retry(countdown=SOON)

    @s.task(bind=True, max_retries=1)
    def given(self: Any) -> None:
        raise self.retry(exc=ValueError("given"), countdown=SOON)

    @s.task(bind=True, max_retries=1)
    def own(self: Any) -> None:
        try:
            raise KeyError("own")
        except KeyError:
            self.retry(countdown=SOON)

    yield 0
    for task in (bare, given, own):
        task.delay()
    yield STEP


@scenario()
def max_retries_in_the_call(s: Stage) -> Iterator[float]:
    """The call's `max_retries` wins over the task's; None is no limit."""

    @s.task(bind=True, max_retries=5)
    def less(self: Any) -> None:
        raise self.retry(countdown=SOON, max_retries=1)

    @s.task(bind=True, max_retries=None)
    def endless(self: Any) -> int:
        if self.request.retries < 4:
            raise self.retry(countdown=SOON)
        return int(self.request.retries)

    yield 0
    less.delay()
    endless.delay()
    yield 2 * STEP


@scenario()
def default_retry_delay(s: Stage) -> Iterator[float]:
    """Without a countdown a retry waits for the task's `default_retry_delay`."""

    @s.task(bind=True, default_retry_delay=STEP)
    def flaky(self: Any) -> None:
        s.note("try", self.request.retries)
        if not self.request.retries:
            raise self.retry()

    yield 0
    flaky.delay()
    yield STEP / 2
    s.note("wait")
    yield 2 * STEP


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
        bind=True, autoretry_for=(OSError,), retry_backoff=1, retry_jitter=False, retry_backoff_max=2, max_retries=2
    )
    def flaky(self: Any) -> None:
        s.note("try", self.request.retries)
        raise OSError("no")

    yield 0
    flaky.delay()
    yield 0.5
    s.note("0.5")
    yield 1
    s.note("1.5")
    yield 1
    s.note("2.5")
    yield 1


@scenario()
def retry_without_throwing(s: Stage) -> Iterator[float]:
    """With `throw=False` a task goes on after its retry, and both of its runs have a result."""

    @s.task(bind=True)
    def again(self: Any) -> str:
        if not self.request.retries:
            s.note(type(self.retry(countdown=STEP, throw=False)).__name__)
        return f"run {self.request.retries}"

    yield 0
    again.delay()
    yield 2 * STEP


@scenario()
def retry_with_other_arguments(s: Stage) -> Iterator[float]:
    """A retry can change the arguments."""

    @s.task(bind=True)
    def job(self: Any, n: int, *, more: int = 0) -> int:
        if not self.request.retries:
            raise self.retry(args=(n + 1,), kwargs={"more": 10}, countdown=SOON)
        return n + more

    yield 0
    job.delay(1)
    yield STEP


@scenario()
def retry_past_its_expiry(s: Stage) -> Iterator[float]:
    """A retry after the message's own expiry."""

    @s.task(bind=True)
    def job(self: Any) -> None:
        s.note("try", self.request.retries)
        if not self.request.retries:
            raise self.retry(countdown=2 * STEP)

    yield 0
    job.apply_async(expires=STEP)
    yield 3 * STEP


@scenario()
def retry_with_an_expiry(s: Stage) -> Iterator[float]:
    """A retry can bring an expiry of its own."""

    @s.task(bind=True)
    def job(self: Any) -> None:
        s.note("try", self.request.retries)
        raise self.retry(countdown=2 * STEP, expires=STEP)

    yield 0
    job.delay()
    yield 3 * STEP


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
