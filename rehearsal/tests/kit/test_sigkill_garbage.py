"""After a SIGKILL nothing runs of what outlives the stack of a task: garbage, and what a kept error refers to."""

from __future__ import annotations

import asyncio
import gc
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import VirtualCelery

from .conftest import NOON
from .test_sigkill import Noted, noted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from celery import Celery


def kill_in(app: Celery, task: Callable[[], None]) -> None:
    """Kill the worker of a task that waits, and collect garbage."""
    app.task(name="long", shared=False)(task)
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["long"].delay()
        celery.advance(timedelta(seconds=3))
        celery.kill_worker()
        assert celery.pending().running == []
    gc.collect()


def test_a_kept_error_of_a_killed_task_runs_nothing_more(app: Celery) -> None:
    """Its traceback refers to the task's frame, whose locals would have lived on."""
    left: list[str] = []
    kept: list[Exception] = []

    def waits() -> None:
        generator = noted(left)
        with generator:
            try:
                raise KeyError
            except KeyError as error:
                kept.append(error)
            time.sleep(10)

    kill_in(app, waits)
    kept.clear()
    gc.collect()
    assert left == []


@pytest.mark.parametrize("by", ["error", "itself"])
def test_garbage_of_a_killed_task_runs_nothing_more(app: Celery, by: str) -> None:
    """Of a frame and an error that refer to each other, or of an object that refers to itself."""
    left: list[str] = []

    def waits() -> None:
        generator = noted(left)
        held: Any = None
        try:
            raise KeyError
        except KeyError as error:
            held = error if by == "error" else Noted(left)
        if by == "itself":
            vars(held).update(held=held, generator=generator)
        with generator:
            time.sleep(10)

    kill_in(app, waits)
    assert left == []


def test_what_is_frozen_for_the_collector_runs_nothing_more(app: Celery) -> None:
    """`gc.freeze()`, which a program calls before it forks, hides objects from `gc.get_objects()`."""
    left: list[str] = []

    def waits() -> None:
        with noted(left):
            gc.freeze()
            time.sleep(10)

    kill_in(app, waits)
    gc.unfreeze()
    gc.collect()
    assert left == []


@pytest.mark.parametrize("inside", [False, True], ids=["in its reader", "in it"])
def test_a_kill_in_an_asynchronous_generator_runs_nothing_more(app: Celery, inside: bool) -> None:
    """Neither its `finally` nor a task of the event loop that would close it."""
    left: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            await asyncio.sleep(60 if inside else 0)
            yield 1
            yield 2
        finally:
            left.append("finally")

    async def reads() -> None:
        async for _number in numbers():
            await asyncio.sleep(60)

    def runs() -> None:
        asyncio.run(reads())

    kill_in(app, runs)
    assert left == []


def test_an_asynchronous_generator_without_a_loop_runs_nothing_more(app: Celery) -> None:
    """Without the loop's hooks Python closes it as a generator."""
    left: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            left.append("finally")

    def waits() -> None:
        step: Any = numbers().__aiter__()
        with pytest.raises(StopIteration):
            step.__anext__().send(None)
        time.sleep(10)

    kill_in(app, waits)
    assert left == []
