"""Each way in which a task can wait takes virtual time, or is refused by name."""

from __future__ import annotations

import asyncio
import concurrent.futures
import multiprocessing
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import NotSimulatedError, RealWorldError, VirtualCelery

from . import naps
from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

MINUTE = timedelta(minutes=1)


def event() -> None:
    assert not threading.Event().wait(60)


def condition() -> None:
    waiting = threading.Condition()
    with waiting:
        assert not waiting.wait_for(lambda: False, 60)


def semaphore() -> None:
    assert not threading.Semaphore(0).acquire(timeout=60)


def barrier() -> None:
    with suppress(threading.BrokenBarrierError):
        threading.Barrier(2).wait(60)


def get() -> None:
    with suppress(queue.Empty):
        queue.Queue[int]().get(timeout=60)


def put() -> None:
    full: queue.Queue[int] = queue.Queue(1)
    full.put(1)
    with suppress(queue.Full):
        full.put(2, timeout=60)


def future() -> None:
    with suppress(concurrent.futures.TimeoutError):
        concurrent.futures.Future[int]().result(timeout=60)


def futures() -> None:
    concurrent.futures.wait([concurrent.futures.Future()], timeout=60)


def async_sleep() -> None:
    asyncio.run(asyncio.sleep(60))


def async_timeouts() -> None:
    async def waits() -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 20)
        if sys.version_info >= (3, 11):
            with suppress(TimeoutError):
                async with asyncio.timeout(20):
                    await asyncio.Event().wait()
        else:
            await asyncio.sleep(20)
        await asyncio.gather(asyncio.sleep(20), asyncio.sleep(10))

    asyncio.run(waits())


def call_later() -> None:
    loop = asyncio.new_event_loop()
    loop.call_later(60, loop.stop)
    loop.run_forever()
    loop.close()


def selects() -> None:
    select.select([], [], [], 60)


def spins_and_naps() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(1)


def blocking_pop() -> None:
    fakeredis = pytest.importorskip("fakeredis")
    assert fakeredis.FakeRedis().blpop("nothing", timeout=60) is None


WAYS: list[Callable[[], Any]] = [
    event,
    condition,
    semaphore,
    barrier,
    get,
    put,
    future,
    futures,
    async_sleep,
    async_timeouts,
    call_later,
    selects,
    spins_and_naps,
    blocking_pop,
    lambda: naps.by_name(60),
    lambda: naps.by_default(60),
    lambda: naps.by_keyword(60),
    lambda: naps.Napper().by_attribute(60),
]


@pytest.mark.parametrize(
    "way", WAYS, ids=lambda way: "-".join(way.__code__.co_names[-2:]) if "lambda" in way.__name__ else way.__name__
)
def test_a_wait_takes_virtual_time(app: Celery, way: Callable[[], Any]) -> None:
    """A minute of the cluster's clock and no real second; another worker goes on in that minute."""

    @app.task(name="waits", shared=False)
    def waits() -> None:
        way()

    app.conf.task_routes = {"waits": {"queue": "waits"}}
    began = time.perf_counter()
    with VirtualCelery(app, start=NOON, workers={"one": ["waits"], "two": ["celery"]}) as celery:
        waits.delay()
        celery.advance(timedelta(seconds=30))
        app.tasks["note"].delay()
        celery.advance(timedelta(0))
        assert celery.pending().running[0].task == "waits"
        celery.assert_ran("note", at=NOON + MINUTE / 2)
        celery.run_until_idle()
        assert celery.timeline.of("succeeded", "waits")[0].at == NOON + MINUTE
    assert time.perf_counter() - began < 20


def test_a_task_wakes_another(app: Celery) -> None:
    """An event, a queue and a future end a wait at the instant at which another task acts."""
    ready, items = threading.Event(), queue.Queue[int]()
    result: concurrent.futures.Future[int] = concurrent.futures.Future()

    @app.task(name="waits", shared=False)
    def waits() -> list[Any]:
        return [ready.wait(600), items.get(timeout=600), result.result(600)]

    @app.task(name="acts", shared=False)
    def acts() -> None:
        for act in (ready.set, lambda: items.put(2), lambda: result.set_result(3)):
            time.sleep(10)
            act()

    with VirtualCelery(app, start=NOON, workers=2) as celery:
        waits.delay()
        acts.delay()
        celery.run_until_idle()
        [record] = celery.timeline.of("succeeded", "waits")
        assert (record.at, record.detail) == (NOON + MINUTE / 2, "= [True, 2, 3]")


def test_a_wait_outside_of_a_task_stays_real(app: Celery) -> None:
    """The test's own events and queues do not move the clock; its sleeps do."""
    with VirtualCelery(app, start=NOON) as celery:
        assert not threading.Event().wait(0.01)
        with pytest.raises(queue.Empty):
            queue.Queue[int]().get(timeout=0.01)
        assert celery.now == NOON
        naps.by_default(60)
        asyncio.run(asyncio.sleep(60))
        assert celery.now == NOON + 2 * MINUTE


def test_a_process_takes_real_time(app: Celery) -> None:
    """A task that waits for a program waits for it, and no virtual time passes."""

    @app.task(name="runs", shared=False)
    def runs() -> str:
        return subprocess.run(
            [sys.executable, "-S", "-c", "print(1)"], capture_output=True, timeout=60, check=True, text=True
        ).stdout

    with VirtualCelery(app, start=NOON) as celery:
        runs.delay()
        celery.run_until_idle()
        assert celery.timeline.of("succeeded", "runs")[0].detail == r"= '1\n'"
        assert celery.now == NOON


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_a_child_of_the_pool_has_no_children(app: Celery, pool: str) -> None:
    """multiprocessing starts none in a child of the prefork pool, which is a daemon; it does in a solo worker."""

    @app.task(name="runs", shared=False)
    def runs() -> int | None:
        child = multiprocessing.get_context("fork").Process(target=len, args=("",))
        child.start()
        child.join()
        return child.exitcode

    with VirtualCelery(app, start=NOON, pool=pool) as celery:
        sent = runs.delay()
        if pool == "prefork":
            with pytest.raises(AssertionError, match="daemonic processes are not allowed to have children"):
                celery.run_until_idle()
        else:
            celery.run_until_idle()
            assert sent.result == 0


def test_an_allowed_thread_takes_real_time(app: Celery) -> None:
    """A future of a real thread ends when the thread says so, and not when virtual seconds have run out."""

    @app.task(name="runs", shared=False)
    def runs() -> int:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: 7).result(timeout=60)

    with VirtualCelery(app, start=NOON, allow_threads=True) as celery:
        runs.delay()
        celery.run_until_idle()
        assert celery.timeline.of("succeeded", "runs")[0].detail == "= 7"
        assert celery.now == NOON


def test_an_event_loop_waits_for_an_allowed_thread(app: Celery) -> None:
    """`asyncio.to_thread` and the end of `asyncio.run` take real time; the loop does not miss the thread's end."""

    @app.task(name="waits", shared=False)
    def waits() -> float:
        async def both() -> float:
            end = asyncio.get_running_loop().time() + 60
            await asyncio.to_thread(threading.Event().wait, 0.01)
            await asyncio.sleep(60)
            return asyncio.get_running_loop().time() - end

        return asyncio.run(both())

    with VirtualCelery(app, start=NOON, allow_threads=True) as celery:
        waits.delay()
        celery.run_until_idle()
        [record] = celery.timeline.of("succeeded", "waits")
        assert (record.at, record.detail) == (NOON + MINUTE, "= 0.0")


def test_the_first_thread_that_is_refused_is_named(app: Celery) -> None:
    """`asyncio.to_thread` starts its thread, and `asyncio.run` another to end it: the error names the cause."""

    @app.task(name="waits", shared=False)
    def waits() -> None:
        asyncio.run(asyncio.to_thread(print))

    with VirtualCelery(app, start=NOON) as celery:
        waits.delay()
        with pytest.raises(RealWorldError, match="asyncio_0 was started"):
            celery.run_until_idle()


@pytest.mark.parametrize(
    ("name", "args"), [("alarm", (5,)), ("setitimer", (signal.ITIMER_REAL, 5.0)), ("sigwait", ([],)), ("pause", ())]
)
def test_a_wait_for_a_signal_is_refused(app: Celery, name: str, args: tuple[Any, ...]) -> None:
    """The test fails with the name of the call, even if the task catches everything."""

    @app.task(name="waits", autoretry_for=(BaseException,), shared=False)
    def waits() -> None:
        with suppress(BaseException):
            getattr(signal, name)(*args)

    with VirtualCelery(app, start=NOON) as celery:
        waits.delay()
        with pytest.raises(NotSimulatedError, match=rf"signal\.{name}\(\) in a task"):
            celery.run_until_idle()
