"""After a SIGKILL, and after the end of a cluster, nothing more runs of a task that waits."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import VirtualCelery
from celery_rehearsal.strand import Strand

from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery


def strands() -> list[Strand]:
    gc.collect()
    return [found for found in gc.get_objects() if type(found) is Strand and found.greenlet]


@contextmanager
def noted(left: list[str]) -> Iterator[None]:
    try:
        yield
    finally:
        left.append("context manager")


class Noted:
    def __init__(self, left: list[str]) -> None:
        self.left = left

    def __enter__(self) -> None: ...

    def __exit__(self, *_exc: object) -> None:
        self.left.append("__exit__")


@pytest.mark.parametrize("inside", [False, True], ids=["by the test", "in the task"])
def test_a_kill_in_a_sleep_runs_nothing_more(app: Celery, transport: str, inside: bool) -> None:
    """No line after the sleep, no `finally`, no `except`, no `__exit__`, now or when garbage is collected."""
    left: list[str] = []

    @app.task(name="long", acks_late=True, shared=False)
    def long() -> None:
        if len(celery.timeline.of("started", "long")) > 1:
            return
        generator = noted(left)
        try:
            with noted(left), Noted(left), generator:
                try:
                    time.sleep(10)
                    celery.kill_worker()
                except BaseException:
                    left.append("except")
                    raise
        finally:
            left.append("finally")

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        long.delay()
        celery.advance(timedelta(seconds=10 if inside else 3))
        if not inside:
            celery.kill_worker()
        gc.collect()
        assert celery.workers_down == ["worker1"]
        assert celery.pending().running == []
        celery.start_worker()
        celery.run_until_idle()
        assert len(celery.timeline.of("started", "long")) == 2
    gc.collect()
    assert left == []


def test_a_kill_in_an_event_loop_runs_nothing_more(app: Celery) -> None:
    """Coroutines are garbage then, and close without a handler."""
    left: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            left.append("finally")

    async def gathers() -> None:
        await asyncio.gather(waits(), waits())

    @app.task(name="runs", shared=False)
    def runs() -> None:
        asyncio.run(gathers())

    before = signal.getsignal(signal.SIGINT)
    with VirtualCelery(app, start=NOON) as celery:
        runs.delay()
        celery.advance(timedelta(seconds=3))
        celery.kill_worker()
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
    gc.collect()
    assert left == []
    assert signal.getsignal(signal.SIGINT) is before
    assert sys.get_asyncgen_hooks() == (None, None)


def test_the_end_of_the_cluster_runs_nothing_more(app: Celery) -> None:
    """A task that still waits ends as its process would, and no greenlet is left."""
    left: list[str] = []

    @app.task(name="long", shared=False)
    def long() -> None:
        with noted(left):
            time.sleep(10)

    with VirtualCelery(app, start=NOON) as celery:
        long.delay()
        celery.advance(timedelta(seconds=3))
        assert strands()
    assert strands() == []
    assert left == []
    stack: Any = app.tasks["long"].request_stack
    assert stack._local.__storage__ == {}


def test_handlers_work_after_a_kill(app: Celery) -> None:
    """The same code, run again, has its handlers."""
    left: list[str] = []

    @app.task(name="long", shared=False)
    def long() -> None:
        try:
            with noted(left):
                time.sleep(10)
        finally:
            left.append("finally")

    with VirtualCelery(app, start=NOON, workers=2) as celery:
        long.delay()
        celery.advance(timedelta(seconds=3))
        celery.kill_worker("worker1")
        long.delay()
        celery.run_until_idle()
    assert left == ["context manager", "finally"]
