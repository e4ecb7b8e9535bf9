"""Workers and pool children that are killed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..stage import RENEWAL, STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds. Redis gives back what is older; a restarted worker looks at once.
SOON: dict[str, Any] = {"broker_transport_options": {"visibility_timeout": 1}}


@scenario(alone=True, **SOON)
def worker_killed(s: Stage) -> Iterator[float]:
    """A killed worker's task is lost if it was acked before it began, and runs again if not."""

    @s.task()
    def early() -> None:
        s.note("early begins")
        time.sleep(3 * STEP)
        s.note("early ends")

    @s.task(bind=True, acks_late=True)
    def late(self: Any) -> None:
        s.note("late begins", self.request.delivery_info["redelivered"])
        time.sleep(3 * STEP)
        s.note("late ends")

    yield 0
    for task in (early, late):
        task.delay()
        yield STEP
        s.kill_worker()
        yield 1.5
        s.start_worker()
        yield 4 * STEP


@scenario(alone=True, **SOON)
def worker_killed_with_prefetched_messages(s: Stage) -> Iterator[float]:
    """What a killed worker had prefetched or kept for later runs in the next one; what ran is lost."""
    job = s.long_job()
    yield 0
    for n in (1, 2, 3):
        job.delay(n)
    job.apply_async((4,), countdown=3 * STEP)
    yield STEP
    s.kill_worker()
    yield 1.5
    s.note("restart")
    s.start_worker()
    yield 8 * STEP


@scenario(alone=True, on=("amqp",))
def worker_killed_and_nobody_left(s: Stage) -> Iterator[float]:
    """What a killed worker held is back in its queue."""

    @s.task(acks_late=True)
    def job() -> None:
        time.sleep(3 * STEP)

    yield 0
    for _ in range(2):
        job.delay()
    yield STEP
    s.kill_worker()
    yield 2 * STEP


@scenario(alone=True, on=("redis",))
def worker_killed_and_nobody_left_on_redis(s: Stage) -> Iterator[float]:
    """What a killed worker held stays unacked: only a worker looks at the visibility timeout."""

    @s.task(acks_late=True)
    def job() -> None:
        time.sleep(3 * STEP)

    yield 0
    for _ in range(2):
        job.delay()
    yield STEP
    s.kill_worker()
    yield 2 * STEP


@scenario(alone=True)
def child_killed(s: Stage) -> Iterator[float]:
    """The task of a killed pool child fails with WorkerLostError; a prefetched one waits for the new child."""

    @s.task()
    def dies() -> None:
        s.note("dies")
        time.sleep(STEP)
        s.lose_child()

    @s.task()
    def waits() -> None:
        s.note("ran")

    yield 0
    dies.delay()
    yield STEP / 2
    waits.delay()
    yield STEP + RENEWAL


@scenario(alone=True)
def child_killed_with_late_acks(s: Stage) -> Iterator[float]:
    """The message of a killed child is acked with late acks too."""

    @s.task(acks_late=True)
    def dies() -> None:
        s.note("dies")
        s.lose_child()

    yield 0
    dies.delay()
    yield RENEWAL


@scenario(alone=True)
def child_killed_and_message_given_back(s: Stage) -> Iterator[float]:
    """With `reject_on_worker_lost` the message of a killed child comes back."""

    @s.task(bind=True, acks_late=True, reject_on_worker_lost=True)
    def job(self: Any) -> None:
        s.note("run", self.request.delivery_info["redelivered"])
        if not self.request.delivery_info["redelivered"]:
            s.lose_child()

    yield 0
    job.delay()
    yield 2 * RENEWAL


@scenario(alone=True, worker_concurrency=2)
def child_killed_beside_another(s: Stage) -> Iterator[float]:
    """A child dies in the middle of another one's task, which goes on."""

    @s.task()
    def dies() -> None:
        s.lose_child()

    @s.task()
    def goes_on() -> str:
        time.sleep(2 * STEP)
        return "done"

    yield 0
    goes_on.delay()
    yield STEP / 2
    dies.delay()
    yield 2 * STEP + RENEWAL


@scenario(alone=True, **SOON)
def waiting_messages_come_back_in_order(s: Stage) -> Iterator[float]:
    """What a killed worker kept for later is back in the order in which it was sent."""

    @s.task()
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    for n in range(5):
        job.apply_async((n,), countdown=2 * STEP)
    yield STEP
    s.kill_worker()
    yield 1.5 + 2 * STEP
    s.start_worker()
    yield 2 * STEP


# Seconds. The first worker runs the task for longer than the timeout, and all of them look each second.
OVERDUE: dict[str, Any] = {
    "broker_transport_options": {
        "visibility_timeout": 2,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    },
    "worker_prefetch_multiplier": 1,
    "task_acks_late": True,
}


@scenario(alone=True, **OVERDUE)
def second_worker_and_the_visibility_timeout(s: Stage) -> Iterator[float]:
    """On Redis a task that runs for longer than the visibility timeout runs in a second worker too."""

    @s.task(bind=True)
    def job(self: Any) -> None:
        again = self.request.delivery_info["redelivered"]
        s.note("begin", self.request.hostname.partition("@")[0], again)
        if not again:
            time.sleep(4.5)
        s.note("end", again)

    yield 0
    job.delay()
    yield 0.5
    s.add_worker()
    yield 6
