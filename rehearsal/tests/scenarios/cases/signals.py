"""Signals about messages, and errors in what Celery calls around a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import Task, signals

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


@scenario()
def order_of_publishing(s: Stage) -> Iterator[float]:
    """The publisher's signals, and the worker's at reception."""
    s.listen(signals.before_task_publish, "before_task_publish", lambda routing_key, **_: routing_key)
    s.listen(signals.after_task_publish, "after_task_publish")
    s.listen(signals.task_prerun, "task_prerun")

    @s.task()
    def job() -> None:
        s.note("run")

    yield 0
    job.apply_async(countdown=STEP)
    yield 3 * STEP


@scenario()
def reception(s: Stage) -> Iterator[float]:
    """`task_received` comes at reception, long before the task of a countdown."""
    s.listen(signals.task_received, "task_received")

    @s.task()
    def job() -> None:
        s.note("run")

    yield 0
    job.apply_async(countdown=2 * STEP)
    yield STEP
    s.note("wait")
    yield 2 * STEP


@scenario()
def state_in_postrun(s: Stage) -> Iterator[float]:
    """`task_postrun` knows the state and the result."""
    s.listen(signals.task_postrun, "postrun", lambda state, retval, **_: f"{state} {retval!r}")

    @s.task(bind=True)
    def job(self: Any, which: str) -> str:
        if which == "fail":
            raise ValueError("no")
        if which == "retry" and not self.request.retries:
            raise self.retry(countdown=0.25)
        return which

    yield 0
    for which in ("succeed", "fail", "retry"):
        job.delay(which)
        yield 2 * STEP


@scenario()
def expiry_signal(s: Stage) -> Iterator[float]:
    """`task_revoked` says that a task has expired."""
    s.listen(signals.task_revoked, "revoked", lambda expired, terminated, signum, **_: (expired, terminated, signum))

    @s.task()
    def job() -> None:
        s.note("run")

    yield 0
    job.apply_async(countdown=2 * STEP, expires=STEP)
    yield 3 * STEP


@scenario()
def error_before_start(s: Stage) -> Iterator[float]:
    """An error in `before_start` fails the task, which does not run."""

    class Refusing(Task):  # type: ignore[type-arg]
        def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
            raise ValueError("not today")

    @s.task(base=Refusing)
    def job() -> None:
        s.note("run")

    yield 0
    job.delay()
    yield STEP


@scenario()
def error_on_success(s: Stage) -> Iterator[float]:
    """An error in `on_success`."""

    class Broken(Task):  # type: ignore[type-arg]
        def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
            raise ValueError("late")

    @s.task(base=Broken)
    def job() -> int:
        s.note("run")
        return 1

    yield 0
    job.delay()
    yield STEP


@scenario()
def error_in_a_handler(s: Stage) -> Iterator[float]:
    """An error in a handler of a signal is logged, and the task goes on."""

    def broken(sender: Any = None, **_kwargs: Any) -> None:
        if getattr(sender, "name", "").startswith(f"{s.name}."):
            s.note("handler")
            raise ValueError("no")

    signals.task_prerun.connect(broken, weak=False)
    s.connected.append((signals.task_prerun, broken))

    @s.task()
    def job() -> int:
        s.note("run")
        return 1

    yield 0
    job.delay()
    yield STEP


@scenario()
def redelivered_task(s: Stage) -> Iterator[float]:
    """A message that comes back is received, and begun, again."""
    from celery.exceptions import Reject

    for name in ("task_received", "task_prerun", "task_postrun"):
        s.listen(getattr(signals, name), name)

    @s.task(bind=True, acks_late=True)
    def job(self: Any) -> None:
        s.note("run", self.request.delivery_info["redelivered"])
        if not self.request.delivery_info["redelivered"]:
            raise Reject("again", requeue=True)

    yield 0
    job.delay()
    yield 2 * STEP
