"""Runs that take time, and bodies that a test replaces."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from celery_rehearsal import BadUseError, VirtualCelery

from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("pool", ["prefork", "solo"])
@pytest.mark.parametrize("time", [60, MINUTE])
def test_a_run_holds_its_worker(app: Celery, transport: str, pool: str, time: Any) -> None:
    """The second run begins when the first has ended; the result comes at the end."""
    with VirtualCelery(app, start=NOON, transport=transport, pool=pool, running_time={"note": time}) as celery:
        first = app.tasks["note"].delay(1)
        app.tasks["note"].delay(2)
        celery.advance(seconds=59)
        assert not first.ready()
        celery.run_until_idle()
        celery.assert_ran("note", at=[NOON, NOON + MINUTE])
        assert [record.at - NOON for record in celery.timeline.of("succeeded")] == [MINUTE, 2 * MINUTE]


def test_the_body_runs_at_the_start(app: Celery) -> None:
    """What it does is there from then on, and a worker killed in the time has had its effect."""
    done: list[int] = []

    @app.task(name="pays", shared=False, acks_late=True)
    def pays() -> None:
        done.append(1)

    with VirtualCelery(app, start=NOON, transport="memory", running_time={pays: 60}) as celery:
        pays.delay()
        celery.advance(seconds=1)
        assert done == [1]
        celery.kill_worker()
        celery.start_worker()
        celery.run_until_idle()
        assert done == [1, 1]


def test_a_retry_counts_from_the_end(app: Celery) -> None:
    """The task asks for its retry as its time is over: it is due a minute after that."""
    with VirtualCelery(app, start=NOON, running_time={"flaky": 30}) as celery:
        app.tasks["flaky"].delay(failures=1)
        celery.run_until_idle()
        celery.assert_retried("flaky", at=NOON + timedelta(seconds=90))
        celery.assert_ran("flaky", at=[NOON, NOON + timedelta(seconds=90)])
        assert celery.timeline.of("succeeded")[0].at == NOON + timedelta(seconds=120)


def test_autoretry_and_failures_count_from_the_end(app: Celery) -> None:
    """An exception leaves the body at the end of the time."""

    @app.task(name="auto", shared=False, autoretry_for=(ValueError,), retry_kwargs={"countdown": 60}, max_retries=1)
    def auto() -> None:
        raise ValueError

    with VirtualCelery(app, start=NOON, running_time={"auto": 30, "fail": 5}) as celery:
        auto.delay()
        app.tasks["fail"].delay()
        celery.run_until_idle()
        celery.assert_retried("auto", at=NOON + timedelta(seconds=90))
        failed = {record.task: (record.at - NOON).total_seconds() for record in celery.timeline.of("failed")}
        assert failed == {"auto": 120.0, "fail": 35.0}


def test_waits_of_the_body_are_part_of_the_time(app: Celery) -> None:
    """A run whose body sleeps ten seconds of sixty takes sixty, one that sleeps longer takes what it sleeps."""
    with VirtualCelery(app, start=NOON, running_time={"nap": 60}) as celery:
        for seconds in (10, 90):
            app.tasks["nap"].delay(seconds)
        celery.run_until_idle()
        assert [(r.at - NOON).total_seconds() for r in celery.timeline.of("succeeded")] == [60.0, 150.0]


def test_time_limits_fire_in_it(app: Celery) -> None:
    """A hard limit fails the task; a soft one raises where the time passes, which a retry can be."""
    caught: list[str] = []

    @app.task(name="soft", shared=False, bind=True, soft_time_limit=10)
    def soft(self: Any) -> None:
        try:
            self.retry(countdown=5)
        except SoftTimeLimitExceeded:
            caught.append("soft")

    with VirtualCelery(app, start=NOON, running_time={"soft": 60, "note": 60}, concurrency=2) as celery:
        soft.delay()
        app.tasks["note"].apply_async(time_limit=20)
        celery.run_until_idle()
        assert caught == ["soft"]
        assert celery.timeline.of("succeeded", "soft")[0].at == NOON + timedelta(seconds=10)
        failed = celery.timeline.of("failed", "note")[0]
        assert "TimeLimitExceeded(20" in failed.detail
        assert failed.at - NOON < timedelta(seconds=21)


def test_a_call_as_a_function_takes_no_time(app: Celery) -> None:
    """Neither in the test nor in another task: it is no run of the task."""

    @app.task(name="calls", shared=False)
    def calls() -> Any:
        return app.tasks["note"](5)

    with VirtualCelery(app, start=NOON, running_time={"note": 60}) as celery:
        assert app.tasks["note"](1) == 1
        assert calls.delay().get() == 5
        assert celery.now == NOON


@pytest.mark.parametrize(
    ("given", "text"), [({"nota": 5}, "near names: note"), ({"note": -1}, "0 or more"), ({"note": "5"}, "seconds or")]
)
def test_unknown_tasks_and_times_are_refused(app: Celery, given: Any, text: str) -> None:
    """A misspelled task would take no time."""
    with pytest.raises(BadUseError, match=text), VirtualCelery(app, start=NOON, running_time=given):
        pass


def test_a_mock_replaces_a_body(app: Celery) -> None:
    """It returns, records calls, takes the body's arguments alone, and is gone after the cluster."""
    before = app.tasks["note"].run
    with VirtualCelery(app, start=NOON, running_time={"note": 60}) as celery:
        note = celery.mock("note", return_value=7)
        assert app.tasks["note"].delay(5).get() == 7
        note.assert_called_once_with(5)
        assert app.tasks["note"].delay(value=6).get() == 7
        assert note.call_args.kwargs == {"value": 6}
        celery.kill_worker()
        celery.start_worker()
        assert app.tasks["note"].delay(8).get() == 7
        assert note.call_count == 3
        assert celery.now == NOON + 3 * MINUTE
        add = celery.mock(app.tasks["add"])
        assert app.tasks["add"].delay([1]).get() is None
        add.assert_called_once()
        send: Any = app.send_task
        send("add", args=[1, 2, 3])
        celery.advance(timedelta(0))
        assert "TypeError" in celery.timeline.of("failed", "add")[0].detail
    assert app.tasks["note"].run == before
    assert app.tasks["note"](5) == 5


def test_a_mock_raises(app: Celery) -> None:
    """Celery retries by autoretry_for what it raises; an assertion in it is the test's."""

    @app.task(name="auto", shared=False, bind=True, autoretry_for=(Exception,), retry_kwargs={"countdown": 60})
    def auto(_self: Any, number: int) -> None:
        pass

    def check(number: int) -> None:
        assert number == 2, "the wrong number"

    with VirtualCelery(app, start=NOON) as celery:
        mocked = celery.mock(auto, side_effect=[ValueError, 5])
        assert auto.delay(1).get() == 5
        assert mocked.call_count == 2
        celery.assert_retried("auto", at=NOON + MINUTE)
        celery.mock(auto, side_effect=check)
        auto.delay(3)
        with pytest.raises(AssertionError, match="the wrong number"):
            celery.advance(seconds=1)
        with pytest.raises(BadUseError, match="near names: auto"):
            celery.mock("outo")


def test_a_mock_stands_in_for_a_slow_body() -> None:
    """Its side effect can sleep, which is virtual; both kinds of time add up as in the task itself."""
    import time

    app = make_app()
    with VirtualCelery(app, start=NOON) as celery:
        celery.mock("note", side_effect=lambda value=None: time.sleep(value))
        app.tasks["note"].delay(30).get()
        assert celery.now == NOON + timedelta(seconds=30)
