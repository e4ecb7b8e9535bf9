"""Groups and chords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import chain, chord, group

from ..stage import STEP, Stage, scenario
from .canvas import sums

if TYPE_CHECKING:
    from collections.abc import Iterator


@scenario(ordered=False)
def group_of_three(s: Stage) -> Iterator[float]:
    """The tasks of a group have no order."""
    add, _total, _fail = sums(s)

    yield 0
    result = group(add.s(n, n) for n in range(3))()
    s.note(result.get(timeout=10))
    yield STEP


@scenario(ordered=False)
def chord_of_three(s: Stage) -> Iterator[float]:
    """A chord's body runs once, after its header, with the results in order."""
    add, total, _fail = sums(s)

    yield 0
    chord([add.s(n, n) for n in range(3)])(total.s())
    yield 2 * STEP


@scenario(ordered=False)
def chord_with_a_failing_header(s: Stage) -> Iterator[float]:
    """A failure in the header fails the body, which does not run, and calls the error callback."""
    add, total, fail = sums(s)

    @s.task()
    def sorry(*_args: Any) -> None:
        s.note("sorry")

    yield 0
    chord([add.s(1, 1), fail.s()])(total.s().on_error(sorry.s()))
    yield 2 * STEP


@scenario(ordered=False)
def chord_with_a_retry(s: Stage) -> Iterator[float]:
    """A chord waits for a header task that retries."""
    add, total, _fail = sums(s)

    @s.task(bind=True)
    def flaky(self: Any) -> int:
        if not self.request.retries:
            raise self.retry(countdown=STEP)
        return 100

    yield 0
    chord([add.s(1, 1), flaky.s()])(total.s())
    yield 3 * STEP


@scenario(ordered=False)
def chord_of_one(s: Stage) -> Iterator[float]:
    """A chord with one header task, and one with none."""
    add, total, _fail = sums(s)

    yield 0
    chord([add.s(1, 1)])(total.s())
    chord([])(total.s())
    yield 2 * STEP


@scenario(ordered=False)
def group_in_a_chain(s: Stage) -> Iterator[float]:
    """A group followed by a task is a chord."""
    add, total, _fail = sums(s)

    yield 0
    chain(add.s(1, 0), group(add.s(10), add.s(20)), total.s(), add.s(1000))()
    yield 3 * STEP


@scenario(ordered=False)
def chains_in_a_chord(s: Stage) -> Iterator[float]:
    """A chord whose header has chains waits for their ends."""
    add, total, _fail = sums(s)

    yield 0
    chord([chain(add.s(1, 1), add.s(10)), chain(add.s(2, 2), add.s(20))])(total.s())
    yield 3 * STEP


@scenario(ordered=False)
def chord_in_a_chord(s: Stage) -> Iterator[float]:
    """A chord can be another one's header task."""
    add, total, _fail = sums(s)

    yield 0
    inner = chord([add.s(1, 1), add.s(2, 2)], total.s())
    chord([inner, add.s(100, 0)])(total.s())
    yield 3 * STEP


@scenario(ordered=False)
def chord_with_an_ignored_body(s: Stage) -> Iterator[float]:
    """A body without a result runs all the same."""
    add, _total, _fail = sums(s)

    @s.task(ignore_result=True)
    def body(numbers: list[int]) -> int:
        s.note("body", sorted(numbers))
        return sum(numbers)

    yield 0
    chord([add.s(1, 1), add.s(2, 2)])(body.s())
    yield 2 * STEP


@scenario(ordered=False)
def replace_with_a_group(s: Stage) -> Iterator[float]:
    """A task in a chain can become a group; the chain goes on with its results."""
    add, total, _fail = sums(s)

    @s.task(bind=True)
    def spread(self: Any, x: int) -> None:
        raise self.replace(group(add.s(x, n) for n in range(3)))

    yield 0
    chain(spread.s(10), total.s())()
    yield 3 * STEP


@scenario()
def chunks(s: Stage) -> Iterator[float]:
    """Chunks run their calls in one task each."""

    @s.task()
    def double(n: int) -> int:
        s.note("double", n)
        return 2 * n

    yield 0
    s.note(double.chunks([(n,) for n in range(4)], 4).apply_async(queue=s.queue).get(timeout=10))
    yield STEP
