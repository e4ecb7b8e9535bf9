"""What is in a message, and what its task sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


@scenario()
def request_fields(s: Stage) -> Iterator[float]:
    """What a bound task sees of its message."""

    @s.task(bind=True)
    def job(self: Any, *args: Any, **kwargs: Any) -> None:
        request = self.request
        s.note(request.task, request.args, request.kwargs, len(request.id), request.retries)
        s.note(request.hostname.partition("@")[0], request.origin.startswith("gen"), len(request.reply_to or ""))
        s.note(request.timelimit, request.eta, request.expires, request.is_eager, request.called_directly)
        s.note(request.argsrepr, request.kwargsrepr, request.group, request.chord, request.chain)
        s.note(request.callbacks, request.errbacks, request.ignore_result, request.replaced_task_nesting)
        s.note(request.correlation_id == request.id, request.root_id == request.id, request.parent_id)

    yield 0
    job.delay(1, two="2")
    yield STEP


@scenario()
def delivery_info(s: Stage) -> Iterator[float]:
    """Where a message came from."""

    @s.task(bind=True)
    def job(self: Any) -> None:
        found = self.request.delivery_info
        s.note(sorted(found), found["exchange"], found["routing_key"], found["redelivered"], found["priority"])

    yield 0
    job.delay()
    yield STEP


@scenario()
def eta_and_expiry_as_the_task_sees_them(s: Stage) -> Iterator[float]:
    """A task sees its ETA and its expiry as text."""

    @s.task(bind=True)
    def job(self: Any) -> None:
        for value in (self.request.eta, self.request.expires):
            s.note(type(value).__name__, value[10:11], value[-6:])

    yield 0
    job.apply_async(countdown=STEP, expires=600)
    yield 2 * STEP


@scenario()
def own_headers(s: Stage) -> Iterator[float]:
    """Headers of one's own are in the request."""

    @s.task(bind=True)
    def job(self: Any) -> None:
        s.note(self.request.headers, self.request.get("shop"))

    yield 0
    job.apply_async(headers={"shop": "north"})
    yield STEP
    job.delay()
    yield STEP


@scenario()
def own_task_id(s: Stage) -> Iterator[float]:
    """Two messages with one id run twice and have one result."""

    @s.task()
    def job(n: int) -> int:
        s.note("ran", n)
        return n

    yield 0
    job.apply_async((1,), task_id="same")
    yield STEP
    job.apply_async((2,), task_id="same")
    yield STEP


@scenario(alone=True, task_protocol=1)
def protocol_1(s: Stage) -> Iterator[float]:
    """Protocol 1 has everything in the body."""

    @s.task(bind=True, max_retries=1)
    def job(self: Any, x: int) -> int:
        s.note(x, self.request.retries, self.request.root_id is None)
        if not self.request.retries:
            raise self.retry(countdown=STEP / 2)
        return x

    yield 0
    job.delay(1)
    job.apply_async((2,), countdown=STEP)
    yield 3 * STEP


@scenario()
def publishing_from_a_task(s: Stage) -> Iterator[float]:
    """A task can send others, with countdowns."""

    @s.task()
    def child(n: int) -> int:
        s.note("child", n)
        return n

    @s.task()
    def parent() -> None:
        s.note("parent")
        child.delay(1)
        child.apply_async((2,), countdown=STEP)

    yield 0
    parent.delay()
    yield STEP / 2
    s.note("wait")
    yield 2 * STEP
