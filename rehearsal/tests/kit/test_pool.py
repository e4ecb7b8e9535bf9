"""A worker's pool as a real prefork worker has it: children, slots, and tasks whose child is gone."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery import signals
from celery.exceptions import WorkerLostError
from celery_rehearsal import BadUseError, NotSimulatedError, VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery

SECOND = timedelta(seconds=1)


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
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["nap"].apply_async((60,), time_limit=6)
        celery.advance(30 * SECOND)
        assert heard == ["init", "shutdown -241", "init"]
        app.tasks["nap"].delay(60)
        celery.advance(SECOND)
        celery.kill_child()
        celery.advance(30 * SECOND)
        assert heard == ["init", "shutdown -241", "init", "init"]


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
