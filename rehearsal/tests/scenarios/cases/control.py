"""Remote control of what a worker consumes, and how much at a time."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..stage import CONTROL, RENEWAL, SECOND, STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


def told(replies: Any) -> str:
    """Replies by worker, without the name of the host."""
    found = [{name.partition("@")[0]: value for name, value in reply.items()} for reply in replies or []]
    return " ".join(map(str, sorted(found, key=str)))


@scenario(**CONTROL)
def rate_limit_at_run_time(s: Stage) -> Iterator[float]:
    """A new limit holds for what comes after it; what waits in a bucket goes by the old one, even without a limit."""

    @s.task()
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    yield STEP
    s.note(told(s.app.control.rate_limit(job.name, f"{20 // SECOND}/m", reply=True, timeout=SECOND)))
    for n in range(4):
        job.delay(n)
    yield STEP
    s.note("no limit", told(s.app.control.rate_limit(job.name, 0, reply=True, timeout=SECOND)))
    job.delay(4)
    yield STEP / 2
    s.note("later")
    yield 9 * SECOND


@scenario(**CONTROL)
def rate_limit_and_a_restart(s: Stage) -> Iterator[float]:
    """The code's rate limit is back in a worker that starts again."""

    @s.task(rate_limit=f"{30 // SECOND}/m")
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    yield STEP
    s.app.control.rate_limit(job.name, 0)
    yield STEP
    for n in range(3):
        job.delay(n)
    yield STEP
    s.note("restart")
    s.stop_worker()
    s.start_worker()
    yield STEP
    for n in range(2):
        job.delay(n)
    yield STEP
    s.note("later")
    yield 3 * SECOND


@scenario(**CONTROL)
def wrong_commands(s: Stage) -> Iterator[float]:
    """Replies to a limit for an unknown task, an invalid limit, and an unknown command."""

    @s.task()
    def job() -> None:
        pass

    yield 0
    yield STEP
    patience: dict[str, Any] = {"reply": True, "timeout": SECOND}
    s.note(told(s.app.control.rate_limit("no.task", "1/s", **patience)))
    s.note(told(s.app.control.rate_limit(job.name, "often", **patience)))
    s.note(told(s.app.control.time_limit("no.task", soft=1, **patience)))
    s.note(told(s.app.control.autoscale(3, 1, **patience)))
    s.note(told(s.app.control.pool_restart(**patience)))
    s.note(told(s.app.control.broadcast("no_command", **patience)))
    s.note(told(s.app.control.broadcast("revoke", arguments={"no": "id"}, **patience)))
    s.note(told(s.app.control.ping(destination=["worker9@nowhere"], timeout=SECOND)))
    s.note(told(s.app.control.ping(pattern="worker*", matcher="glob", timeout=SECOND)))


@scenario(**CONTROL)
def time_limit_at_run_time(s: Stage) -> Iterator[float]:
    """A new time limit holds for no task of a worker that runs: it has read the limits of its tasks at its start."""

    @s.task()
    def job() -> None:
        time.sleep(3.5 * SECOND)
        s.note("end")

    yield 0
    yield STEP
    job.delay()
    yield STEP
    s.note(told(s.app.control.time_limit(job.name, soft=SECOND, hard=2 * SECOND, reply=True, timeout=SECOND)))
    yield 3 * SECOND
    job.delay()
    yield 4 * SECOND


@scenario(**CONTROL)
def events_on_command(s: Stage) -> Iterator[float]:
    """A worker sends events of its tasks from `enable_events` to `disable_events`."""

    @s.task()
    def job() -> None:
        pass

    def listen() -> None:
        found: list[str] = []
        ends: list[float] = []

        def ready(*_args: Any, **_options: Any) -> None:
            ends.append(time.monotonic() + 2 * STEP)
            # Redis knows of the receiver only after this.
            job.apply_async(countdown=STEP / 2)

        def heard(event: dict[str, Any]) -> None:
            found.extend({event["type"]} & {"task-started", "task-succeeded"})
            # A real worker's heartbeats let no timeout of more than two seconds happen.
            receiver.should_stop = time.monotonic() > ends[0]

        with s.app.connection_for_read() as connection:
            receiver: Any = s.app.events.Receiver(connection, handlers={"*": heard})
            receiver.on_consume_ready = ready
            with suppress(TimeoutError):
                receiver.capture(limit=None, timeout=2 * STEP)
        s.note("events", *sorted(found))

    yield 0
    yield STEP
    patience: dict[str, Any] = {"reply": True, "timeout": SECOND}
    for command in (s.app.control.enable_events, s.app.control.enable_events, s.app.control.disable_events) * 2:
        s.note(told(command(**patience)))
        listen()


@scenario(**CONTROL)
def consumers_come_and_go(s: Stage) -> Iterator[float]:
    """A worker consumes a queue from `add_consumer` to `cancel_consumer`, and not after a restart."""
    extra = s.unconsumed("extra")

    @s.task()
    def job(n: int) -> None:
        s.note("ran", n)

    yield 0
    yield STEP
    job.apply_async((1,), queue=extra)
    yield STEP
    s.note("add", told(s.app.control.add_consumer(extra, reply=True, timeout=SECOND)).replace(s.prefix or "\0", ""))
    yield STEP
    job.apply_async((2,), queue=extra)
    yield STEP
    s.app.control.cancel_consumer(extra)
    yield 2 * SECOND
    job.apply_async((3,), queue=extra)
    job.delay(4)
    yield STEP
    s.note("again")
    s.app.control.add_consumer(extra)
    yield STEP
    s.stop_worker()
    s.start_worker()
    job.apply_async((5,), queue=extra)
    yield STEP


@scenario(**CONTROL)
def shutdown_by_command(s: Stage) -> Iterator[float]:
    """A worker that is told to shut down ends what runs, and gives back the rest; then nobody replies."""
    job = s.long_job()
    yield 0
    yield STEP
    s.note(told(s.app.control.ping(timeout=SECOND)))
    for n in range(2):
        job.delay(n)
    job.apply_async((2,), countdown=9 * STEP)
    yield STEP
    s.app.control.shutdown()
    yield 6 * STEP
    s.note("replies", told(s.app.control.ping(timeout=SECOND)))
    s.note_ready()


@scenario(**CONTROL)
def pool_grows_and_shrinks(s: Stage) -> Iterator[float]:
    """A worker with more children runs more tasks at a time; no child that works is ended."""
    job = s.long_job(3 * STEP)
    yield 0
    yield STEP
    s.note(told(s.app.control.pool_grow(1, reply=True, timeout=SECOND)))
    yield RENEWAL
    for n in range(2):
        job.delay(n)
        yield STEP / 2
    s.note(told(s.app.control.pool_shrink(1, reply=True, timeout=SECOND)))
    yield 3 * STEP
    s.note(told(s.app.control.pool_shrink(1, reply=True, timeout=SECOND)))
    yield RENEWAL
    for n in range(2, 4):
        job.delay(n)
        yield STEP / 2
    yield 6 * STEP
