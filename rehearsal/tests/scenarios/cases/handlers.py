"""The order of signals and of a task's methods around a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import Task, signals

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNNING = ("task_prerun", "task_success", "task_failure", "task_retry", "task_postrun")


def noting(s: Stage) -> type[Any]:
    """A task class that notes when its methods are called."""

    class Noting(Task):  # type: ignore[type-arg]
        def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
            s.note("before_start")

        def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
            s.note("on_success", retval)

        def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
            s.note("on_failure", repr(exc))

        def on_retry(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
            s.note("on_retry", repr(exc))

        def after_return(self, status: str, *_rest: Any, **_named: Any) -> None:
            s.note("after_return", status)

    return Noting


@scenario()
def order_of_a_success(s: Stage) -> Iterator[float]:
    """Signals and methods around a task that succeeds."""
    for name in RUNNING:
        s.listen(getattr(signals, name), name)

    @s.task(base=noting(s))
    def job() -> int:
        s.note("run")
        return 1

    yield 0
    job.delay()
    yield STEP


@scenario()
def order_of_a_failure(s: Stage) -> Iterator[float]:
    """Signals and methods around a task that fails."""
    for name in RUNNING:
        s.listen(getattr(signals, name), name)

    @s.task(base=noting(s))
    def job() -> None:
        s.note("run")
        raise ValueError("no")

    yield 0
    job.delay()
    yield STEP


@scenario()
def order_of_a_retry(s: Stage) -> Iterator[float]:
    """Signals and methods around a retry and the run after it."""
    for name in RUNNING:
        s.listen(getattr(signals, name), name)

    @s.task(base=noting(s), bind=True)
    def job(self: Any) -> None:
        s.note("run", self.request.retries)
        if not self.request.retries:
            raise self.retry(exc=ValueError("no"), countdown=STEP)

    yield 0
    job.delay()
    yield 3 * STEP


@scenario()
def order_of_a_rejection(s: Stage) -> Iterator[float]:
    """Signals and methods around Ignore."""
    from celery.exceptions import Ignore

    for name in RUNNING:
        s.listen(getattr(signals, name), name)

    @s.task(base=noting(s))
    def job() -> None:
        s.note("run")
        raise Ignore

    yield 0
    job.delay()
    yield STEP
