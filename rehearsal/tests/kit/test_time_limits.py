"""Time limits of tasks fire at their instants, by the task, the settings, the message or the worker."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded
from celery_rehearsal import VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery

SECOND = timedelta(seconds=1)


def napper(app: Celery, **options: Any) -> tuple[Any, list[str]]:
    """A task of a minute that notes how it ends."""
    ran: list[str] = []

    @app.task(name="naps", shared=False, **options)
    def naps() -> str:
        try:
            time.sleep(60)
            ran.append("end")
        except SoftTimeLimitExceeded:
            ran.append("soft")
            raise
        except SystemExit as error:
            ran.append(f"exit {error}")
            raise
        finally:
            ran.append("finally")
        return "done"

    return naps, ran


def given_by_task(app: Celery, limits: dict[str, float]) -> Any:
    return napper(app, **limits), {}, {}


def given_by_settings(app: Celery, limits: dict[str, float]) -> Any:
    app.conf.update({f"task_{name}": value for name, value in limits.items()})
    return napper(app), {}, {}


def given_by_message(app: Celery, limits: dict[str, float]) -> Any:
    return napper(app), limits, {}


def given_by_worker(app: Celery, limits: dict[str, float]) -> Any:
    return napper(app), {}, limits


GIVEN = [given_by_task, given_by_settings, given_by_message, given_by_worker]


@pytest.mark.parametrize("given", GIVEN)
def test_a_soft_limit_is_raised_in_the_task(app: Celery, transport: str, given: Any) -> None:
    """At its instant, where the task waits; what the task does then is its own."""
    (task, ran), message, worker = given(app, {"soft_time_limit": 5})
    with VirtualCelery(app, start=NOON, transport=transport, **worker) as celery:
        result = task.apply_async(**message)
        celery.run_until_idle()
        assert ran == ["soft", "finally"]
        assert isinstance(result.result, SoftTimeLimitExceeded)
        assert [record.at for record in celery.timeline.of("failed")] == [NOON + 5 * SECOND]


@pytest.mark.parametrize("given", GIVEN)
def test_a_hard_limit_ends_the_child(app: Celery, transport: str, given: Any) -> None:
    """Celery stores TimeLimitExceeded at the instant; the child gets a SIGTERM, which is a SystemExit in the task."""
    (task, ran), message, worker = given(app, {"time_limit": 5})
    with VirtualCelery(app, start=NOON, transport=transport, **worker) as celery:
        result = task.apply_async(**message)
        celery.advance(5 * SECOND)
        assert isinstance(result.result, TimeLimitExceeded)
        assert {record.at for record in celery.timeline.of("failed")} == {NOON + 5 * SECOND}
        celery.run_until_idle()
        assert ran == ["exit -241", "finally"]


def test_a_caught_soft_limit_runs_into_the_hard_one(app: Celery) -> None:
    """A task that cleans up for too long is ended; 0.1 s after the SIGTERM comes SIGKILL, which runs nothing."""
    ran: list[str] = []

    @app.task(name="stubborn", soft_time_limit=5, time_limit=8, shared=False)
    def stubborn() -> None:
        try:
            time.sleep(60)
        except SoftTimeLimitExceeded:
            ran.append("soft")
        try:
            time.sleep(60)
        except SystemExit:
            ran.append("term")
        try:
            time.sleep(60)
        finally:
            ran.append("never")

    with VirtualCelery(app, start=NOON) as celery:
        result = stubborn.delay()
        celery.run_until_idle()
        assert ran == ["soft", "term"]
        assert isinstance(result.result, TimeLimitExceeded)


def test_another_child_takes_the_next_task(app: Celery) -> None:
    """At once, where the task has ended at the SIGTERM."""
    task, _ran = napper(app, time_limit=6)
    with VirtualCelery(app, start=NOON) as celery:
        task.delay()
        app.tasks["note"].delay()
        celery.run_until_idle()
        celery.assert_ran("note", at=NOON + 6 * SECOND)


def test_a_warm_shutdown_sends_a_soft_limit_again(app: Celery) -> None:
    """billiard looks at the limits of what still runs, and does not know that the task has caught the first one."""
    caught: list[float] = []

    @app.task(name="stubborn", soft_time_limit=5, shared=False)
    def stubborn() -> None:
        for _ in range(2):
            try:
                time.sleep(60)
            except SoftTimeLimitExceeded:
                caught.append((celery.now - NOON).total_seconds())

    with VirtualCelery(app, start=NOON) as celery:
        stubborn.delay()
        celery.advance(7 * SECOND)
        celery.stop_worker()
        assert caught == [5, 7]
        assert celery.now == NOON + 7 * SECOND


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ({"acks_late": True}, 1),
        ({"acks_late": True, "acks_on_failure_or_timeout": False}, 2),
        ({"acks_late": False}, 1),
    ],
)
def test_a_hard_limit_goes_by_the_acknowledgement_settings(
    app: Celery, transport: str, options: dict[str, Any], runs: int
) -> None:
    """Acked unless `acks_on_failure_or_timeout` is off: then the message comes back."""

    @app.task(name="once", time_limit=5, shared=False, **options)
    def once() -> None:
        if len(celery.timeline.of("started", "once")) == 1:
            time.sleep(60)

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        once.delay()
        celery.run_until_idle()
        assert len(celery.timeline.of("started", "once")) == runs
        assert not celery.pending()


def test_a_solo_worker_has_no_limits(app: Celery) -> None:
    """It works on one task at a time, ignores limits as the real one does, and says so once."""
    task, ran = napper(app, time_limit=5)
    app.conf.worker_pool = "solo"
    told = pytest.warns(UserWarning, match="naps: time_limit; .*solo_time_limits")
    with told as warned, VirtualCelery(app, start=NOON) as celery:
        task.delay()
        task.delay()
        celery.run_until_idle()
        assert ran == ["end", "finally"] * 2
        assert celery.now == NOON + timedelta(minutes=2)
    assert len(warned) == 1
