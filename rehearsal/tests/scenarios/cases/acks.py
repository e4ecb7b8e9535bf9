"""When a message is acked, rejected and delivered again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.exceptions import Ignore, Reject

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


@scenario()
def reject(s: Stage) -> Iterator[float]:
    """A rejected message is gone, and its task has no state."""

    @s.task(acks_late=True)
    def job() -> None:
        raise Reject("no", requeue=False)

    yield 0
    job.delay()
    yield STEP


@scenario(ordered=False)
def reject_after_an_early_ack(s: Stage) -> Iterator[float]:
    """With early acks there is nothing left to reject."""

    @s.task()
    def job(*, requeue: bool) -> None:
        s.note("ran", requeue)
        raise Reject("no", requeue=requeue)

    yield 0
    job.delay(requeue=True)
    job.delay(requeue=False)
    yield STEP


@scenario()
def requeue(s: Stage) -> Iterator[float]:
    """A requeued message comes back, marked as redelivered."""

    @s.task(bind=True, acks_late=True)
    def job(self: Any) -> str:
        s.note("redelivered", self.request.delivery_info["redelivered"])
        if s.count("redelivered True") < 2:
            raise Reject("again", requeue=True)
        return "done"

    yield 0
    job.delay()
    yield 2 * STEP


@scenario()
def requeue_then_reject(s: Stage) -> Iterator[float]:
    """A message can come back once and be dropped then."""

    @s.task(bind=True, acks_late=True)
    def job(self: Any) -> None:
        raise Reject("no", requeue=not self.request.delivery_info["redelivered"])

    yield 0
    job.delay()
    yield STEP


@scenario()
def ignore(s: Stage) -> Iterator[float]:
    """A task that raises Ignore keeps the state that it set, and is acked."""

    @s.task()
    def bare() -> None:
        raise Ignore

    @s.task(bind=True, acks_late=True)
    def stated(self: Any) -> None:
        self.update_state(state="SKIPPED", meta={"why": "closed"})
        raise Ignore

    yield 0
    bare.delay()
    stated.delay()
    yield STEP


@scenario()
def failure_with_late_acks(s: Stage) -> Iterator[float]:
    """A failure is acked too; with `acks_on_failure_or_timeout=False` it is rejected."""

    @s.task(acks_late=True)
    def acked() -> None:
        s.note("ran")
        raise ValueError("no")

    @s.task(acks_late=True, acks_on_failure_or_timeout=False)
    def rejected() -> None:
        s.note("ran")
        raise ValueError("no")

    yield 0
    acked.delay()
    rejected.delay()
    yield STEP
