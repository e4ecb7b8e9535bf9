"""A worker's pool as a real prefork worker has it: children, time limits, and tasks whose child is gone."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery import signals
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery_rehearsal import BadUseError, NotSimulatedError, VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ({}, 1),
        ({"acks_late": True}, 1),
        ({"acks_late": True, "reject_on_worker_lost": True}, 2),
    ],
)
@pytest.mark.parametrize("inside", [True, False], ids=["in the task", "by the test"])
def test_a_lost_child(app: Celery, transport: str, options: dict[str, Any], runs: int, inside: bool) -> None:
    """WorkerLostError at once, or another run where the message goes back; the worker lives."""
    left: list[str] = []

    @app.task(name="dies", shared=False, **options)
    def dies() -> str:
        if len(celery.timeline.of("started", "dies")) > 1:
            return "again"
        try:
            time.sleep(2)
            celery.kill_child()
        finally:
            left.append("finally")
        return "never"

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        result = dies.delay()
        celery.advance(2 * SECOND if inside else SECOND)
        if not inside:
            celery.kill_child()
        celery.run_until_idle()
        assert left == []
        assert celery.workers_down == []
        assert [record.kind for record in celery.timeline.of(worker="worker1") if "lost" in record.kind] == [
            "child lost"
        ]
        assert len(celery.timeline.of("started", "dies")) == runs
        if runs == 1:
            assert isinstance(result.result, WorkerLostError)
            assert "signal 9 (SIGKILL) Job: 0" in str(result.result)
            assert celery.timeline.of("failed")[0].at == NOON + (2 if inside else 1) * SECOND
        else:
            assert result.result == "again"


def test_a_child_can_only_be_killed_at_work(app: Celery) -> None:
    """Without a task there is nothing to see, and a solo worker has no children."""
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(BadUseError, match="no child of worker1 runs a task"):
        celery.kill_child()
    with VirtualCelery(app, start=NOON, pool="solo") as celery, pytest.raises(BadUseError, match="no children"):
        celery.kill_child()


@pytest.mark.parametrize("by_settings", [True, False])
def test_concurrency_is_slots(app: Celery, transport: str, by_settings: bool) -> None:
    """Three children run three tasks at once; a worker takes four times as many messages ahead."""
    if by_settings:
        app.conf.worker_concurrency = 3
    options: dict[str, Any] = {} if by_settings else {"concurrency": 3}
    with VirtualCelery(app, start=NOON, transport=transport, **options) as celery:
        for _ in range(20):
            app.tasks["nap"].delay(60)
        celery.advance(SECOND)
        assert len(celery.pending().running) == 3
        assert len(celery.timeline.of("received")) == 3 + 3 * 4
        assert len(celery.pending().queued) == 20 - 15
        celery.run_until_idle()
        assert celery.now == NOON + timedelta(minutes=7)


def test_the_prefetch_multiplier_is_the_apps(app: Celery, transport: str) -> None:
    """worker_prefetch_multiplier = 1 takes one message more per child."""
    app.conf.worker_prefetch_multiplier = 1
    with VirtualCelery(app, start=NOON, transport=transport, concurrency=2) as celery:
        for _ in range(10):
            app.tasks["nap"].delay(60)
        celery.advance(SECOND)
        assert len(celery.timeline.of("received")) == 4


def test_one_child_is_the_default(app: Celery) -> None:
    """Not the host's number of processors."""
    with VirtualCelery(app, start=NOON) as celery:
        for _ in range(2):
            app.tasks["nap"].delay(60)
        celery.advance(SECOND)
        assert len(celery.pending().running) == 1


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """The signals of child processes, as they come."""
    found: list[str] = []

    def init(**_kwargs: Any) -> None:
        found.append("init")

    def shutdown(exitcode: int, **_kwargs: Any) -> None:
        found.append(f"shutdown {exitcode}")

    signals.worker_process_init.connect(init)
    signals.worker_process_shutdown.connect(shutdown)
    yield found
    signals.worker_process_init.disconnect(init)
    signals.worker_process_shutdown.disconnect(shutdown)


@pytest.mark.parametrize("by_settings", [True, False])
def test_a_child_is_replaced_after_its_tasks(app: Celery, heard: list[str], by_settings: bool) -> None:
    """max_tasks_per_child = 2: with its signals, as for each child."""
    if by_settings:
        app.conf.worker_max_tasks_per_child = 2
    options: dict[str, Any] = {} if by_settings else {"max_tasks_per_child": 2}
    with VirtualCelery(app, start=NOON, **options) as celery:
        for _ in range(5):
            app.tasks["note"].delay()
        celery.run_until_idle()
        celery.assert_ran("note", times=5)
        assert heard == ["init", "shutdown 155", "init", "shutdown 155", "init"]


def test_a_child_ended_by_a_limit_sends_its_signals(app: Celery, heard: list[str]) -> None:
    """One that SIGKILL ends sends none."""
    task, _ran = napper(app, time_limit=6)
    with VirtualCelery(app, start=NOON) as celery:
        task.delay()
        celery.advance(30 * SECOND)
        assert heard == ["init", "shutdown -241", "init"]
        app.tasks["nap"].delay(60)
        celery.advance(SECOND)
        celery.kill_child()
        celery.advance(30 * SECOND)
        assert heard == ["init", "shutdown -241", "init", "init"]


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


@pytest.mark.parametrize("pool", ["threads", "gevent", "eventlet", "custom", "my.own:Pool"])
def test_another_pool_is_refused(app: Celery, pool: str) -> None:
    """Whether the test or the app asks for it."""
    with pytest.raises(NotSimulatedError, match=f"pool '{pool}'"):
        VirtualCelery(app, start=NOON, pool=pool)
    app.conf.worker_pool = pool
    with pytest.raises(NotSimulatedError, match=f"pool '{pool}'"):
        VirtualCelery(app, start=NOON)
    if pool not in {"gevent", "eventlet"}:  # Celery itself warns of these in the settings
        with VirtualCelery(app, start=NOON, pool="prefork") as celery:
            celery.assert_idle()


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"concurrency": "2"},
        {"max_tasks_per_child": -1},
        {"time_limit": 0},
        {"soft_time_limit": "5"},
    ],
)
def test_a_wrong_number_is_refused(app: Celery, wrong: dict[str, Any]) -> None:
    """By the name of the argument."""
    with pytest.raises(BadUseError, match=next(iter(wrong))):
        VirtualCelery(app, start=NOON, **wrong)
