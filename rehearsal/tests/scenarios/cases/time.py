"""When a task runs: countdown, ETA and expiry."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


def after(steps: float) -> datetime:
    """So many steps from now."""
    return datetime.now(timezone.utc) + timedelta(seconds=steps * STEP)


@scenario()
def delay(s: Stage) -> Iterator[float]:
    """A task that is sent runs once and stores its result."""

    @s.task()
    def add(x: int, y: int) -> int:
        s.note("ran")
        return x + y

    yield 0
    add.delay(1, 2)
    add.apply_async((3,), {"y": 4})
    yield STEP


@scenario()
def countdown(s: Stage) -> Iterator[float]:
    """A countdown holds a message back until it is due, and others overtake it."""

    @s.task()
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    job.apply_async((2,), countdown=2 * STEP)
    job.apply_async((1,), countdown=STEP)
    yield STEP / 2
    s.note("nothing ran")
    yield 3 * STEP


@scenario()
def countdown_far_away(s: Stage) -> Iterator[float]:
    """What is due later stays unacked in the worker."""

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    job.apply_async(countdown=300)
    yield STEP


@scenario()
def eta(s: Stage) -> Iterator[float]:
    """An ETA in the future waits; one in the past runs at once."""

    @s.task()
    def job(when: str) -> None:
        s.note(when)

    yield 0
    job.apply_async(("future",), eta=after(2))
    job.apply_async(("past",), eta=after(-100))
    yield STEP
    s.note("between")
    yield 2 * STEP


@scenario()
def eta_in_another_zone(s: Stage) -> Iterator[float]:
    """An ETA is an instant, whatever its zone."""
    from zoneinfo import ZoneInfo

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    job.apply_async(eta=after(2).astimezone(ZoneInfo("Asia/Kathmandu")))
    yield STEP
    s.note("not yet")
    yield 2 * STEP


@scenario()
def eta_of_another_type(s: Stage) -> Iterator[float]:
    """A countdown or an expiry of another type is the publisher's error; text as an ETA is sent, and dropped."""

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    for options in ({"eta": "soon"}, {"expires": "soon"}, {"countdown": "soon"}):
        try:
            job.apply_async(**options)
        except (TypeError, ValueError) as error:
            s.note(*options, type(error).__name__)
    yield STEP


@scenario()
def expires_before_its_countdown(s: Stage) -> Iterator[float]:
    """A task whose countdown ends after its expiry is revoked."""

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    job.apply_async(countdown=2 * STEP, expires=STEP)
    yield 3 * STEP


@scenario()
def expires_as_datetime(s: Stage) -> Iterator[float]:
    """An expiry can be an aware datetime: one is over in time, one is not."""

    @s.task()
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    job.apply_async((1,), countdown=2 * STEP, expires=after(1))
    job.apply_async((2,), countdown=STEP, expires=after(3))
    yield 3 * STEP


@scenario()
def expired_when_sent(s: Stage) -> Iterator[float]:
    """An expiry in the past revokes the task before it runs."""

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    job.apply_async(expires=after(-10))
    yield STEP


@scenario(alone=True)
def expired_in_the_queue(s: Stage) -> Iterator[float]:
    """What expires while no worker runs is revoked when one starts."""

    @s.task()
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    s.stop_worker()
    job.apply_async((1,), expires=STEP)
    job.apply_async((2,), expires=600)
    yield 2 * STEP
    s.start_worker()
    yield STEP


@scenario(alone=True)
def expires_behind_a_busy_slot(s: Stage) -> Iterator[float]:
    """What expires while the pool holds it."""

    @s.task()
    def busy() -> None:
        time.sleep(2 * STEP)

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    busy.delay()
    yield STEP / 2
    job.apply_async(expires=STEP / 2)
    yield 3 * STEP


@scenario(alone=True, worker_prefetch_multiplier=1, task_acks_late=True)
def expires_behind_a_busy_worker(s: Stage) -> Iterator[float]:
    """What expires in the queue behind a worker that may prefetch nothing."""

    @s.task()
    def busy() -> None:
        time.sleep(2 * STEP)

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    busy.delay()
    yield STEP / 2
    job.apply_async(expires=STEP / 2)
    yield 3 * STEP


# Not on RabbitMQ: there the last message often waits in py-amqp's read buffer, behind the answer to basic.qos, until
# something else arrives.
@scenario(alone=True, on=("redis",), worker_prefetch_multiplier=1)
def countdown_beyond_the_prefetch_count(s: Stage) -> Iterator[float]:
    """Waiting tasks raise the prefetch count, so they do not block others."""

    @s.task()
    def job(n: Any) -> None:
        s.note("ran", n)

    yield 0
    for _ in range(3):
        job.apply_async(("late",), countdown=3 * STEP)
    yield STEP
    job.delay("at once")
    yield 3 * STEP
