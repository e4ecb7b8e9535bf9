"""Retries."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

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
            raise self.retry(eta=datetime.now(timezone.utc) + timedelta(seconds=STEP))

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
