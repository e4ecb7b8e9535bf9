"""Revoked groups, chains and stamped tasks; tasks that are aborted; queues that are purged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from celery import canvas, chain, group, signals
from celery.contrib.abortable import AbortableAsyncResult, AbortableTask

from ..stage import CONTROL, RENEWAL, STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


# celery-types leave it out
StampingVisitor: Any = canvas.StampingVisitor  # type: ignore[attr-defined]


class Stamps(StampingVisitor):  # type: ignore[misc] # as above
    """Stamps each task with a tenant."""

    def __init__(self, tenant: Any) -> None:
        self.tenant = tenant

    def on_signature(self, sig: Any, **headers: Any) -> dict[str, Any]:
        return {"tenant": self.tenant, "stamped_headers": ["tenant"]}


def stamped(task: Any, tenant: Any, *args: Any, **options: Any) -> Any:
    """Send a task with a stamp."""
    signature = task.s(*args)
    signature.stamp(visitor=Stamps(tenant))
    return signature.apply_async(**options)


@scenario(**CONTROL)
def revoke_by_a_stamp(s: Stage) -> Iterator[float]:
    """Tasks that wait with the stamp are revoked, sent later too; what runs goes on."""
    job = s.long_job()
    yield 0
    yield STEP
    stamped(job, "blue", 1)
    sent = [stamped(job, "blue", 2), stamped(job, "red", 3), stamped(job, ["red", "blue"], 4)]
    yield STEP
    control: Any = s.app.control
    control.revoke_by_stamped_headers({"tenant": ["blue", "green"]})
    yield 4 * STEP
    sent.append(stamped(job, "blue", 5))
    yield STEP
    s.note(*(each.state for each in sent))


@scenario(ordered=False, worker_concurrency=2, **CONTROL)
def terminate_by_a_stamp(s: Stage) -> Iterator[float]:
    """Running tasks with the stamp are terminated."""

    @s.task()
    def job(n: int) -> None:
        s.note("begin", n)
        try:
            time.sleep(2 * STEP)
            s.note("end", n)
        finally:
            s.note("finally", n)

    s.listen(signals.task_revoked, "revoked", lambda **found: found["terminated"])
    yield 0
    yield STEP
    sent = [stamped(job, "blue", 1), stamped(job, "red", 2)]
    yield STEP
    s.app.control.revoke_by_stamped_headers({"tenant": "blue"}, terminate=True)
    yield RENEWAL
    s.note(*(each.state for each in sent))


@scenario(**CONTROL)
def revoke_a_group(s: Stage) -> Iterator[float]:
    """A group's result revokes each of its tasks."""

    @s.task()
    def job(n: int) -> None:
        s.note("begin", n)
        time.sleep(STEP)

    yield 0
    yield STEP
    result: Any = group(job.s(n) for n in range(3)).apply_async()
    yield STEP / 2
    result.revoke()
    yield 3 * STEP
    s.note(*(each.state for each in result.results))


@scenario(**CONTROL)
def revoke_in_a_chain(s: Stage) -> Iterator[float]:
    """A chain ends with the task that is revoked; its error callback does not run."""

    @s.task()
    def job(n: int) -> int:
        s.note("job", n)
        return n

    @s.task()
    def failed(*_args: Any) -> None:
        s.note("errback")

    yield 0
    yield STEP
    last: Any = chain(job.s(1).set(countdown=2 * STEP), job.si(2)).on_error(failed.s()).apply_async()
    yield STEP
    last.parent.revoke()
    yield 3 * STEP
    s.note(last.parent.state, last.state)


@scenario(**CONTROL)
def abort_a_task(s: Stage) -> Iterator[float]:
    """An abortable task looks for itself whether it is to end."""

    @s.task(bind=True, base=AbortableTask)
    def job(self: Any) -> str:
        for n in range(8):
            if self.is_aborted():
                s.note("aborted")
                return f"gave up at {n > 0}"
            time.sleep(STEP / 2)
        return "done"

    yield 0
    yield STEP
    sent = job.delay()
    yield STEP
    AbortableAsyncResult(sent.id, app=s.app).abort()
    yield 2 * STEP


@scenario(**CONTROL)
def purge(s: Stage) -> Iterator[float]:
    """What waits in the queues that the app names is gone; what a worker holds is not."""

    @s.task()
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    yield STEP
    s.stop_worker()
    s.app.conf.task_queues = None
    s.app.amqp.queues.select([s.queue])
    for n in range(3):
        job.delay(n)
    yield STEP
    s.note("purged", s.app.control.purge())
    s.note("purged", s.app.control.discard_all())
    s.start_worker()
    yield STEP
