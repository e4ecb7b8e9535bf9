"""Links and chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import chain

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


def sums(s: Stage) -> tuple[Any, Any, Any]:
    """Tasks that add, add up, and fail."""

    @s.task()
    def add(x: int, y: int) -> int:
        s.note("add", x, y)
        return x + y

    @s.task()
    def total(numbers: list[int]) -> int:
        s.note("total", sorted(numbers))
        return sum(numbers)

    @s.task()
    def fail(*_args: Any) -> None:
        raise ValueError("no")

    return add, total, fail


@scenario(ordered=False)
def link(s: Stage) -> Iterator[float]:
    """A link runs after success, with the result, and not after a failure."""
    add, _total, fail = sums(s)

    yield 0
    add.apply_async((1, 2), link=[add.s(10), add.si(5, 5)])
    fail.apply_async(link=add.si(0, 0))
    yield 2 * STEP


@scenario()
def link_of_a_link(s: Stage) -> Iterator[float]:
    """Links of links run in turn."""
    add, _total, _fail = sums(s)

    yield 0
    inner = add.s(20)
    inner.link(add.s(30))
    add.apply_async((1, 2), link=inner)
    yield 2 * STEP


@scenario()
def link_error(s: Stage) -> Iterator[float]:
    """An error callback gets the request, the error and the traceback, or the id where it takes one argument."""
    add, _total, fail = sums(s)

    @s.task()
    def new_style(request: Any, error: Any, traceback: Any) -> None:
        s.note("new", request.task, repr(error), bool(traceback))

    @s.task()
    def old_style(task_id: str) -> None:
        s.note("old", len(task_id))

    yield 0
    fail.apply_async(link_error=new_style.s())
    yield STEP
    fail.apply_async(link_error=old_style.s())
    yield STEP
    add.apply_async((1, 1), link_error=old_style.s())
    yield STEP


@scenario()
def link_error_after_retries(s: Stage) -> Iterator[float]:
    """An error callback runs once, after the last retry."""

    @s.task(bind=True, max_retries=2)
    def flaky(self: Any) -> None:
        raise self.retry(exc=ValueError("no"), countdown=STEP / 4)

    @s.task()
    def sorry(_request: Any, error: Any, _traceback: Any) -> None:
        s.note(repr(error))

    yield 0
    flaky.apply_async(link_error=sorry.s())
    yield 3 * STEP


@scenario()
def chain_of_three(s: Stage) -> Iterator[float]:
    """Each task of a chain gets the result of the one before; an immutable one does not."""
    add, _total, _fail = sums(s)

    yield 0
    chain(add.s(1, 2), add.s(3), add.si(100, 1), add.s(4))()
    yield 2 * STEP


@scenario()
def chain_that_fails(s: Stage) -> Iterator[float]:
    """A failure ends a chain, and calls the error callback of the chain."""
    add, _total, fail = sums(s)

    @s.task()
    def sorry(_request: Any, error: Any, _traceback: Any) -> None:
        s.note("sorry", repr(error))

    yield 0
    chain(add.s(1, 2), fail.s(), add.si(3, 4)).apply_async(link_error=sorry.s())
    yield 2 * STEP


@scenario()
def chain_with_a_retry(s: Stage) -> Iterator[float]:
    """A chain goes on after a retry."""
    add, _total, _fail = sums(s)

    @s.task(bind=True)
    def flaky(self: Any, x: int) -> int:
        if not self.request.retries:
            raise self.retry(countdown=STEP)
        return x * 10

    yield 0
    chain(add.s(1, 2), flaky.s(), add.s(3))()
    yield 3 * STEP


@scenario()
def chain_with_a_countdown(s: Stage) -> Iterator[float]:
    """A countdown on a chain delays its first task; one on a member delays that one."""
    add, _total, _fail = sums(s)

    yield 0
    chain(add.s(1, 0), add.s(0)).apply_async(countdown=STEP)
    yield STEP / 2
    s.note("wait")
    yield 2 * STEP
    chain(add.s(2, 0), add.s(0).set(countdown=STEP))()
    yield STEP / 2
    s.note("wait")
    yield 2 * STEP


@scenario()
def replace(s: Stage) -> Iterator[float]:
    """A task that replaces itself gives its id, its link and its place in a chain to the other."""
    add, _total, _fail = sums(s)

    @s.task(bind=True)
    def stand_in(self: Any, x: int) -> None:
        s.note("replace", x)
        raise self.replace(add.s(x, 100))

    yield 0
    chain(stand_in.s(1), add.s(5))()
    yield 2 * STEP


@scenario()
def ids_of_root_and_parent(s: Stage) -> Iterator[float]:
    """A task's messages know the first task and the one that sent them."""

    @s.task(bind=True)
    def job(self: Any, depth: int) -> None:
        request = self.request
        s.note(depth, request.root_id == "root", request.parent_id)
        if depth:
            job.apply_async((depth - 1,), task_id=f"child-{depth}")

    yield 0
    job.apply_async((2,), task_id="root")
    yield 2 * STEP


@scenario()
def stamps(s: Stage) -> Iterator[float]:
    """Stamped headers reach every task of a canvas."""

    @s.task(bind=True)
    def job(self: Any, _result: Any = None) -> None:
        s.note(self.request.stamped_headers, self.request.stamps)

    yield 0
    signature = chain(job.s(), job.s())
    signature.stamp(shop="north")
    signature.apply_async()
    yield 2 * STEP
