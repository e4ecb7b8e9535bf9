"""Tasks wait side by side in virtual time, and time passes by exactly what the test asks for."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from celery import current_task
from celery.schedules import schedule
from celery_rehearsal import NeverIdleError, NotSimulatedError, VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery

MINUTE = timedelta(minutes=1)
seen: ContextVar[str] = ContextVar("seen", default="")


def test_tasks_on_two_workers_wait_side_by_side(app: Celery, transport: str) -> None:
    """Four tasks of a minute take two minutes on two workers, a minute each."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        for _ in range(4):
            app.tasks["nap"].delay(60)
        celery.run_until_idle()
        assert celery.now == NOON + 2 * MINUTE
        celery.assert_ran("nap", at=[NOON, NOON, NOON + MINUTE, NOON + MINUTE])
        ends = [record.at for record in celery.timeline.of("succeeded", "nap")]
        assert ends == [NOON + MINUTE, NOON + MINUTE, NOON + 2 * MINUTE, NOON + 2 * MINUTE]


def test_a_task_polls_for_what_another_does(app: Celery, transport: str) -> None:
    """A loop of short sleeps ends when the other task has done its part."""
    done: list[bool] = []

    @app.task(name="polls", shared=False)
    def polls() -> None:
        while not done:
            time.sleep(0.5)

    @app.task(name="does", shared=False)
    def does() -> None:
        time.sleep(9.75)
        done.append(True)

    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        polls.delay()
        does.delay()
        celery.run_until_idle()
        assert celery.timeline.of("succeeded", "polls")[0].at == NOON + timedelta(seconds=10)


def test_advance_lets_exactly_so_much_time_pass(app: Celery, transport: str) -> None:
    """A task goes on in the middle of its work, and the test sees how far it is."""

    @app.task(name="long", bind=True, shared=False)
    def long(self: Any) -> None:
        for step in range(10):
            self.update_state(state="PROGRESS", meta={"step": step})
            time.sleep(1)

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        result = long.delay()
        celery.advance(timedelta(seconds=3.5))
        assert celery.now == NOON + timedelta(seconds=3.5)
        assert result.info == {"step": 3}
        [running] = celery.pending().running
        assert (running.task, running.worker, running.since) == ("long", "worker1", NOON)
        celery.run_until_idle()
        assert celery.now == NOON + timedelta(seconds=10)
        assert not celery.pending()


def test_event_loops_of_two_tasks_overlap(app: Celery) -> None:
    """Each has its own running loop, whichever ends first."""
    heard: list[str] = []

    @app.task(name="runs", shared=False)
    def runs(name: str, seconds: float) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(seconds)
            assert asyncio.get_running_loop() is loop
            heard.append(name)

        asyncio.run(main())
        asyncio.run(main())

    with VirtualCelery(app, start=NOON, concurrency=3) as celery:
        runs.delay("long", 30)
        runs.delay("short", 20)
        celery.run_until_idle()
        assert celery.now == NOON + MINUTE
    assert heard == ["short", "long", "short", "long"]


def test_the_broker_is_not_lost_under_a_task(app: Celery) -> None:
    """The task would go on in production; the kit says that it cannot do that."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["nap"].delay(60)
        celery.advance(timedelta(seconds=3))
        with pytest.raises(NotSimulatedError, match="while a task runs"):
            celery.lose_broker()


def test_a_warm_shutdown_waits_for_what_runs(app: Celery, transport: str) -> None:
    """SIGTERM lets a task end, which takes its time; what is only received goes back to the queue."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["nap"].delay(60)
        app.tasks["late"].delay()
        celery.advance(timedelta(seconds=10))
        celery.stop_worker()
        assert celery.now == NOON + MINUTE
        assert celery.timeline.of("succeeded", "nap")[0].at == NOON + MINUTE
        assert celery.timeline.of("worker stopped")[0].at == NOON + MINUTE
        assert [message.task for message in celery.pending().queued] == ["late"]
        celery.start_worker()
        celery.run_until_idle()
        celery.assert_ran("late", at=NOON + MINUTE)


def polls() -> None:
    while True:
        time.sleep(3600)


@pytest.mark.parametrize("wait", [lambda: threading.Event().wait(), polls])
def test_a_warm_shutdown_without_an_end_is_named(app: Celery, wait: Any) -> None:
    """A real worker does not stop while a task waits for ever; stop_worker() does not say that it has."""

    @app.task(name="waits", shared=False)
    def waits() -> None:
        wait()

    with VirtualCelery(app, start=NOON) as celery:
        waits.delay()
        celery.advance(MINUTE)
        with pytest.raises(NeverIdleError, match=r"worker1 waits for waits\[.*kill_worker"):
            celery.stop_worker()
        assert not celery.timeline.of("worker stopped")
    # Celery sets it for the time of a shutdown, which the end of the cluster has cut off.
    assert socket.getdefaulttimeout() is None


def test_a_wait_that_nothing_can_end_is_named_at_once(app: Celery) -> None:
    """The error does not claim that a day has passed."""

    @app.task(name="waits", shared=False)
    def waits() -> None:
        threading.Event().wait()

    with VirtualCelery(app, start=NOON, transport="memory", beats=0) as celery:
        waits.delay()
        with pytest.raises(NeverIdleError, match=r"not idle, and nothing is left to happen, at 2026-01-15 10:00:00Z"):
            celery.run_until_idle()


def test_a_task_that_waits_for_ever_is_named(app: Celery) -> None:
    """run_until_idle() says what runs."""

    @app.task(name="polls", shared=False)
    def polls() -> None:
        while True:
            time.sleep(60)

    with VirtualCelery(app, start=NOON) as celery:
        polls.delay()
        with pytest.raises(NeverIdleError, match=r"running +polls\[.*\] in worker1 since 2026-01-15 10:00:00"):
            celery.run_until_idle(timedelta(hours=1))


@pytest.mark.parametrize("first_is_longer", [True, False])
def test_two_runs_of_one_task_are_two(app: Celery, first_is_longer: bool) -> None:
    """Each has its own request, current task, exception and contextvars, whichever ends first."""
    heard: dict[str, Any] = {}

    @app.task(name="runs", bind=True, shared=False)
    def runs(self: Any, seconds: float) -> None:
        mine = str(seconds)
        seen.set(mine)
        try:
            raise ValueError(mine)
        except ValueError:
            time.sleep(seconds)
            error = sys.exc_info()[1]
            heard[mine] = self.request.id, current_task.request.id, str(error), seen.get(), self.request.args

    with VirtualCelery(app, start=NOON, workers=2) as celery:
        durations = (60, 30) if first_is_longer else (30, 60)
        sent = {str(seconds): runs.delay(seconds).id for seconds in durations}
        celery.run_until_idle()
        assert celery.now == NOON + MINUTE
    assert heard == {mine: (id_, id_, mine, mine, [int(mine)]) for mine, id_ in sent.items()}
    assert seen.get() == ""
    assert not cast("Any", current_task)


def test_a_task_waits_for_its_subtask(app: Celery, transport: str) -> None:
    """get() in a task waits while another worker runs the subtask, and a retry after a wait counts from then."""
    app.conf.task_routes = {"nap": {"queue": "naps"}}

    @app.task(name="parent", bind=True, shared=False)
    def parent(self: Any) -> None:
        if not self.request.retries:
            app.tasks["nap"].delay(90).get(disable_sync_subtasks=False)
            raise self.retry(countdown=30)

    with VirtualCelery(app, start=NOON, transport=transport, workers={"one": ["celery"], "two": ["naps"]}) as celery:
        parent.delay()
        celery.run_until_idle()
        celery.assert_ran("parent", at=[NOON, NOON + 2 * MINUTE])


class Slow(schedule):
    """Takes ten seconds to think about each entry."""

    def is_due(self, last_run_at: Any) -> Any:
        time.sleep(10)
        return super().is_due(last_run_at)


def test_tasks_that_wait_for_subtasks_take_few_turns(app: Celery, transport: str) -> None:
    """Each looks for its result when something has happened, and at every second; not each millisecond."""

    @app.task(name="waits", shared=False)
    def waits(seconds: float) -> float:
        result = app.tasks["nap"].apply_async((seconds,), queue="naps")
        result.get(disable_sync_subtasks=False)
        return time.monotonic()

    with VirtualCelery(
        app, start=NOON, transport=transport, workers={"a": ["celery"], "b": ["celery"], "c": ["naps"]}
    ) as celery:
        results = [waits.delay(100), waits.delay(100)]
        turns, resume = [0], celery.strands.resume

        def counted(strand: Any) -> None:
            turns[0] += 1
            resume(strand)

        celery.strands.resume = counted  # type: ignore[method-assign]
        celery.run_until_idle()
        assert results[1].get() - results[0].get() == 100
        assert turns[0] < 2000


def test_a_schedule_can_wait_in_beat(app: Celery) -> None:
    """Beat is late by that, and workers go on."""
    app.conf.beat_schedule = {"slow": {"task": "note", "schedule": Slow(60)}}
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["nap"].delay(5)
        celery.advance(timedelta(seconds=65))
        assert celery.timeline.of("succeeded", "nap")[0].at == NOON + timedelta(seconds=5)
        assert len(celery.timeline.of("beat")) == 0
        celery.advance(timedelta(seconds=15))
        assert celery.now == NOON + timedelta(seconds=80)
        # Beat wakes 10 ms before an entry is due, and asks the schedule then.
        assert [record.at for record in celery.timeline.of("beat")] == [NOON + timedelta(seconds=69.99)]


def test_a_worker_holds_what_it_prefetches(app: Celery) -> None:
    """One that works takes four messages more, as Celery's default says; another worker does not see them."""
    with VirtualCelery(app, start=NOON, workers=2) as celery:
        app.tasks["nap"].delay(60)
        celery.advance(timedelta(0))
        for _ in range(2):
            app.tasks["note"].delay()
        celery.advance(timedelta(0))
        assert {record.worker for record in celery.timeline.of("received", "note")} == {"worker1", "worker2"}
        assert len(celery.timeline.of("started", "note")) == 1
        celery.run_until_idle()
        assert celery.timeline.of("started", "note")[1].at == NOON + MINUTE
