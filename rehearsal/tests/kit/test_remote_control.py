"""Remote control: Celery's own commands and replies, in virtual time; tests/scenarios has real workers beside it."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.exceptions import TaskRevokedError
from celery.worker import state
from celery.worker.control import Panel, control_command, inspect_command
from celery_rehearsal import NotSimulatedError, VirtualCelery

from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = timedelta(seconds=1)


def node(celery: VirtualCelery, name: str) -> str:
    """A worker's node name."""
    return str(celery.workers[name].consumer.hostname)


def names(replies: dict[str, Any] | None) -> dict[str, Any]:
    """Replies by worker, without the host."""
    return {name.partition("@")[0]: reply for name, reply in (replies or {}).items()}


def test_a_reply_takes_the_time_of_the_wait(app: Any, transport: str) -> None:
    """Who asks all workers waits for as long as the timeout says; who asks one goes on at its reply."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        assert [name for reply in app.control.ping(timeout=3) for name in reply] == [
            node(celery, "worker1"),
            node(celery, "worker2"),
        ]
        assert celery.now == NOON + 3 * SECOND
        assert app.control.ping(destination=[node(celery, "worker2")]) == [{node(celery, "worker2"): {"ok": "pong"}}]
        assert celery.now == NOON + 3 * SECOND


def test_a_worker_that_is_down_gives_no_reply(app: Any, transport: str) -> None:
    """A killed, a stopped and a new worker: those that run reply."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=["one", "two", "three"]) as celery:
        celery.kill_worker("one")
        celery.stop_worker("two")
        assert list(names(app.control.inspect().ping())) == ["three"]
        celery.start_worker("one")
        assert list(names(app.control.inspect().ping())) == ["three", "one"]
        celery.lose_broker()
        assert list(names(app.control.inspect().ping())) == ["three", "one"]


def test_each_worker_tells_of_its_own_requests(app: Any, transport: str) -> None:
    """What runs and waits in one worker is not another's."""
    with VirtualCelery(app, start=NOON, transport=transport, workers={"one": ["one"], "two": ["two"]}) as celery:
        sent = [app.tasks["nap"].apply_async((60,), queue=queue) for queue in ("one", "one", "two")]
        later = app.tasks["note"].apply_async(queue="two", countdown=600)
        celery.advance(SECOND)
        look = app.control.inspect()
        found = {what: names(getattr(look, what)()) for what in ("active", "reserved", "stats")}
        ids = {
            what: {name: [r["id"] for r in found[what][name]] for name in found[what]}
            for what in found
            if what != "stats"
        }
        assert ids == {
            "active": {"one": [sent[0].id], "two": [sent[2].id]},
            "reserved": {"one": [sent[1].id], "two": []},
        }
        assert {name: stats["total"] for name, stats in found["stats"].items()} == {
            "one": {"nap": 1},
            "two": {"nap": 1},
        }
        assert [r["request"]["id"] for r in names(look.scheduled())["two"]] == [later.id]
        assert {name: list(known) for name, known in names(look.query_task(sent[2].id)).items()} == {
            "one": [],
            "two": [sent[2].id],
        }
        celery.run_until_idle()


def test_requests_are_in_the_order_of_their_starts(app: Any) -> None:
    """Celery tells of them in the order of their addresses, which differs from run to run."""
    with VirtualCelery(app, start=NOON, concurrency=6) as celery:
        sent = []
        for _ in range(6):
            sent.append(app.tasks["nap"].delay(60).id)
            celery.advance(SECOND)
        (active,) = names(app.control.inspect().active()).values()
        assert [request["id"] for request in active] == sent


def test_a_revoked_task_is_thrown_away(app: Any, transport: str) -> None:
    """revoke() of a result reaches the worker that waits for the ETA."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        sent = app.tasks["note"].apply_async(countdown=60)
        celery.advance(SECOND)
        sent.revoke()
        celery.run_until_idle()
        assert sent.state == "REVOKED"
        with pytest.raises(TaskRevokedError):
            sent.get(timeout=1)
        (record,) = celery.timeline.of("revoked", "note")
        assert record.at == NOON + 60 * SECOND
        celery.assert_not_ran("note")
        assert [r.detail for r in celery.timeline.of("control")] == [f"revoke task_id='{sent.id}'"]


def test_a_worker_that_was_down_knows_of_no_revoke(app: Any, transport: str) -> None:
    """A command reaches the workers that run. The one that starts later runs the task."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        celery.stop_worker()
        sent = app.tasks["note"].delay(7)
        sent.revoke()
        celery.start_worker()
        assert sent.get(timeout=60) == 7


def test_a_terminated_task_is_gone_at_once(app: Any, transport: str) -> None:
    """The child ends in the middle of the task, and another takes the next one."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        first, second = app.tasks["nap"].delay(3600), app.tasks["note"].delay(2)
        celery.advance(SECOND)
        first.revoke(terminate=True)
        assert second.get(timeout=1) == 2
        assert first.state == "REVOKED"
        assert celery.now < NOON + 3 * SECOND
        celery.assert_idle()


def test_a_stopped_child_is_refused(app: Any) -> None:
    """A signal that stops a child leaves a task that never ends."""
    with VirtualCelery(app, start=NOON) as celery:
        sent = app.tasks["nap"].delay(60)
        celery.advance(SECOND)
        sent.revoke(terminate=True, signal="SIGSTOP")
        with pytest.raises(NotSimulatedError, match="signals"):
            celery.advance(SECOND)


def test_a_solo_worker_hears_of_a_command_after_its_task(app: Any, transport: str) -> None:
    """It cannot terminate the task that it runs. On RabbitMQ it has got the next one before the command, too."""
    with VirtualCelery(app, start=NOON, transport=transport, pool="solo") as celery:
        first, second = app.tasks["nap"].delay(60), app.tasks["nap"].delay(60)
        celery.advance(SECOND)
        assert app.control.revoke([first.id, second.id], terminate=True, reply=True) == []
        celery.run_until_idle()
        assert (first.state, second.state) == ("SUCCESS", "SUCCESS" if transport == "memory" else "REVOKED")


def test_a_task_revokes_another(app: Any, transport: str) -> None:
    """In a worker, and from beat's own process, app.control is the same."""

    def stops(id_: str) -> Any:
        app.control.revoke(id_)
        return sorted(names(app.control.inspect(timeout=2).active()))

    stop = app.task(name="stop", shared=False)(stops)
    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        sent = app.tasks["note"].apply_async(countdown=60)
        assert stop.delay(sent.id).get(timeout=5) == ["worker1", "worker2"]
        assert celery.now == NOON + 2 * SECOND
        celery.run_until_idle()
        celery.assert_not_ran("note")
        assert {record.by for record in celery.timeline.of("control")} <= {"worker1", "worker2"}


def test_a_rate_limit_is_one_workers(app: Any, transport: str) -> None:
    """A command to one worker changes no other's, and no worker's that starts later."""
    with VirtualCelery(app, start=NOON, transport=transport, workers={"one": ["one"], "two": ["two"]}) as celery:
        app.control.rate_limit("note", "1/m", destination=[node(celery, "one")])
        celery.advance(SECOND)
        for queue in ("one", "one", "two", "two"):
            app.tasks["note"].apply_async(queue=queue)
        celery.advance(SECOND)
        assert {name: len(celery.timeline.of("started", worker=name)) for name in ("one", "two")} == {
            "one": 1,
            "two": 2,
        }
        found = names(app.control.inspect().registered("rate_limit"))
        assert ["note [rate_limit=1/m]" in found[name] for name in ("one", "two")] == [True, False]
        assert app.tasks["note"].rate_limit is None
        assert len(celery.pending().scheduled) == 1
        celery.run_until_idle()
        celery.stop_worker("one")
        celery.start_worker("one")
        for _ in range(2):
            app.tasks["note"].apply_async(queue="one")
        celery.advance(SECOND)
        assert len(celery.timeline.of("started", worker="one")) == 4
    assert app.tasks["note"].rate_limit is None


def test_what_waits_for_an_old_limit_is_pending(app: Any) -> None:
    """A new limit makes a new bucket. What is in the old one goes by the old limit."""
    with VirtualCelery(app, start=NOON) as celery:
        for _ in range(3):
            app.tasks["limited"].delay()
        celery.advance(SECOND)
        app.control.rate_limit("limited", 0)
        celery.advance(SECOND)
        assert len(celery.pending().scheduled) == 2
        celery.run_until_idle()
        celery.assert_ran("limited", at=[NOON, NOON + 10 * SECOND, NOON + 20 * SECOND])


def test_shutdown_is_warm(app: Any, transport: str) -> None:
    """The worker ends what runs, is down after it, and can be started again."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        sent = app.tasks["nap"].delay(60)
        celery.advance(SECOND)
        app.control.shutdown()
        celery.advance(SECOND)
        assert celery.workers == {}
        assert celery.workers_down == ["worker1"]
        celery.run_until_idle()
        assert sent.state == "SUCCESS"
        (record,) = celery.timeline.of("worker stopped")
        assert record.detail == "shutdown by remote control"
        celery.start_worker()
        assert list(names(app.control.inspect().ping())) == ["worker1"]


def test_a_queue_is_consumed_on_command(app: Any, transport: str) -> None:
    """What waited in it runs; after the end of the consumer it is unconsumed."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.control.add_consumer("extra")
        celery.advance(SECOND)
        app.tasks["note"].apply_async(queue="extra")
        celery.run_until_idle()
        celery.assert_ran("note", times=1)
        app.control.cancel_consumer("extra")
        celery.advance(SECOND)
        app.tasks["note"].apply_async(queue="extra")
        celery.advance(SECOND)
        assert [message.queue for message in celery.pending().unconsumed] == ["extra"]


def test_commands_are_no_tasks(app: Any, transport: str) -> None:
    """Neither commands nor their replies are pending, whether a worker reads them or not."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.control.ping(timeout=0.001)
        app.control.revoke("none")
        assert not celery.pending()
        celery.assert_idle()
        celery.kill_worker()
        app.control.revoke("none")
        assert not celery.pending()


def test_an_app_without_remote_control_gets_no_reply(transport: str) -> None:
    """The setting worker_enable_remote_control is honoured."""
    app = make_app(worker_enable_remote_control=False)
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        sent = app.tasks["note"].apply_async(countdown=60)
        celery.advance(SECOND)
        sent.revoke()
        assert app.control.inspect().ping() is None
        celery.run_until_idle()
        celery.assert_ran("note")


@pytest.mark.filterwarnings("ignore:.*pool_restart")
def test_a_restart_of_the_pool_is_refused() -> None:
    """Children that import their modules again are not there. Without the setting Celery itself says no."""
    app = make_app(worker_pool_restarts=True)
    with VirtualCelery(app, start=NOON) as celery:
        app.control.pool_restart()
        with pytest.raises(NotSimulatedError, match="pool_restart"):
            celery.advance(SECOND)


@pytest.fixture
def own_commands() -> Iterator[None]:
    """Commands of the app's own, which Celery keeps for all apps."""
    before = dict(Panel.data), dict(Panel.meta)
    inspect_command(name="seconds")(lambda _state: time.time())

    @control_command(name="asserts")
    def asserts(_state: Any) -> None:
        raise AssertionError("a verdict")

    yield
    kept: Any = (Panel.data, Panel.meta)
    for mapping, contents in zip(kept, before, strict=True):
        mapping.clear()
        mapping.update(contents)


@pytest.mark.usefixtures("own_commands")
def test_commands_of_an_app(app: Any, transport: str) -> None:
    """They run in virtual time, and a failed assert in one is the test's."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        (reply,) = app.control.broadcast("seconds", reply=True)
        assert list(reply.values()) == [NOON.timestamp()]
        app.control.broadcast("asserts")
        with pytest.raises(AssertionError, match="a verdict"):
            celery.advance(SECOND)


def test_a_cluster_leaves_nothing_behind(app: Any, transport: str) -> None:
    """The next cluster's workers know nothing of revoked ids and stamps, and commands are Celery's again."""
    handlers, mailbox = dict(Panel.data), app.control.mailbox
    for _ in range(2):
        with VirtualCelery(app, start=NOON, transport=transport) as celery:
            assert names(app.control.inspect().revoked()) == {"worker1": []}
            app.control.revoke("an id", reply=True)
            app.control.revoke_by_stamped_headers({"tenant": "blue"}, reply=True)
            app.tasks["note"].apply_async(countdown=60)
            celery.advance(SECOND)
            assert names(app.control.inspect().revoked()) == {"worker1": ["an id"]}
    assert (Panel.data, app.control.mailbox) == (handlers, mailbox)
    assert (state.requests, state.revoked_stamps, dict(state.total_count), list(state.revoked)) == ({}, {}, {}, [])
