"""Revoked and terminated tasks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from celery import signals

from ..stage import CONTROL, RENEWAL, STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


def napper(s: Stage, seconds: float = 3 * STEP, **options: Any) -> Any:
    """A task that waits, and notes how it goes on."""

    @s.task(**options)
    def naps() -> str:
        s.note("begin")
        try:
            time.sleep(seconds)
            s.note("end")
        except BaseException as error:
            s.note("raised", type(error).__name__)
            raise
        finally:
            s.note("finally")
        return "done"

    return naps


@scenario(**CONTROL)
def revoke_before_the_start(s: Stage) -> Iterator[float]:
    """A task that waits for a slot is revoked: it never runs, and its message is acked."""
    naps = napper(s)

    @s.task(acks_late=True)
    def waits() -> None:
        s.note("ran")

    s.listen(signals.task_revoked, "revoked", lambda **found: (found["terminated"], found["signum"], found["expired"]))
    yield 0
    yield STEP
    naps.delay()
    waiting = [waits.delay() for _ in range(3)]
    yield STEP
    waiting[0].revoke()
    s.app.control.revoke([waiting[2].id])
    yield STEP / 2
    s.note(waiting[0].state, waiting[1].state, waiting[2].state)
    yield 3 * STEP


@scenario(**CONTROL)
def revoke_before_the_message(s: Stage) -> Iterator[float]:
    """A worker throws away a message whose id it has revoked before; a restarted worker knows nothing of it."""

    @s.task()
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    yield STEP
    for _ in range(2):
        s.app.control.revoke("6f1d4f0a-0000-4000-8000-000000000001")
    yield STEP
    job.apply_async((1,), task_id="6f1d4f0a-0000-4000-8000-000000000001")
    job.apply_async((2,), task_id="6f1d4f0a-0000-4000-8000-000000000002")
    yield STEP
    s.stop_worker()
    s.start_worker()
    yield STEP
    job.apply_async((3,), task_id="6f1d4f0a-0000-4000-8000-000000000001")
    yield STEP


@scenario(**CONTROL)
def revoke_of_a_countdown(s: Stage) -> Iterator[float]:
    """A revoked task stays scheduled until its ETA, when it is thrown away; its state is REVOKED at once from 5.7."""

    @s.task()
    def job() -> None:
        s.note("ran")

    s.listen(signals.task_revoked, "revoked")
    yield 0
    yield STEP
    sent = job.apply_async(countdown=4 * STEP)
    yield STEP
    sent.revoke()
    yield STEP
    s.note(sent.state, s.count("revoked"))
    yield 4 * STEP


@scenario(**CONTROL)
def revoke_of_a_running_task(s: Stage) -> Iterator[float]:
    """Without `terminate` a task that runs goes on; a retry of it is revoked."""

    # Which state is stored last, the child's or the parent's, is a race.
    @s.task(bind=True, ignore_result=True)
    def job(self: Any) -> None:
        s.note("begin", self.request.retries)
        time.sleep(2 * STEP)
        raise self.retry(countdown=STEP / 2)

    yield 0
    yield STEP
    sent = job.delay()
    yield STEP
    sent.revoke()
    yield 4 * STEP


def _terminating(signum: str | None, **options: Any) -> Any:
    def story(s: Stage) -> Iterator[float]:
        naps = napper(s, **options)
        s.listen(signals.task_revoked, "revoked", lambda **found: (found["terminated"], int(found["signum"])))
        yield 0
        yield STEP
        sent, second = naps.delay(), naps.delay()
        yield STEP
        sent.revoke(terminate=True, signal=signum)
        yield RENEWAL + 5 * STEP
        s.note(sent.state, second.state)

    return story


for title, arguments in {
    "terminate": (None, {}),
    "terminate_by_sigkill": ("SIGKILL", {}),
    "terminate_by_sigusr1": ("SIGUSR1", {}),
    "terminate_by_sigusr2": ("SIGUSR2", {}),
    "terminate_by_sigint": ("SIGINT", {}),
    "terminate_by_sigquit": ("QUIT", {}),
    "terminate_with_late_acks": (None, {"acks_late": True}),
    "terminate_with_reject_on_worker_lost": ("KILL", {"acks_late": True, "reject_on_worker_lost": True}),
}.items():
    told = _terminating(arguments[0], **arguments[1])
    told.__name__, told.__doc__ = title, "A running task's child gets a signal; its message is acked."
    # The parent's note and the child's come from two processes.
    scenario(ordered=False, **CONTROL)(told)


@scenario(**CONTROL)
def terminate_before_the_start(s: Stage) -> Iterator[float]:
    """A task that waits for a slot or for its ETA is revoked as without `terminate`."""
    naps = napper(s)
    s.listen(signals.task_revoked, "revoked", lambda **found: found["terminated"])
    yield 0
    yield STEP
    running, waiting = naps.delay(), naps.delay()
    later = naps.apply_async(countdown=5 * STEP)
    yield STEP
    for sent in (waiting, later):
        sent.revoke(terminate=True)
    yield RENEWAL + 3 * STEP
    s.note(running.state, waiting.state, later.state)


@scenario(worker_pool="solo", **CONTROL)
def revoke_in_a_solo_worker(s: Stage) -> Iterator[float]:
    """A worker without children hears of a command after the task that it runs, and cannot terminate it.

    No other message waits then: it is a race whether the worker reads that or the command first.
    """
    job = s.long_job(3 * STEP)
    yield 0
    yield STEP
    later = job.apply_async((1,), countdown=9 * STEP)
    after = str(uuid4())
    yield STEP
    running = job.delay(0)
    yield STEP
    for id_ in (running.id, later.id, after):
        s.app.control.revoke(id_, terminate=True)
    yield 4 * STEP
    job.apply_async((2,), task_id=after)
    yield 6 * STEP
    s.note(*(job.AsyncResult(id_).state for id_ in (running.id, later.id, after)))


# On RabbitMQ it is a race which of its last acks it still sends.
@scenario(on=("redis",), worker_pool="solo", **CONTROL)
def shutdown_of_a_solo_worker(s: Stage) -> Iterator[float]:
    """A worker without children that is told to shut down does so after its task."""
    job = s.long_job()
    yield 0
    yield STEP
    job.delay(0)
    yield STEP
    s.app.control.shutdown()
    yield 4 * STEP
    for n in (1, 2):
        job.delay(n)
    yield 4 * STEP
    s.note_ready()
