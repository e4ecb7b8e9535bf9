"""What breaks in production breaks here on command, and comes back as it does there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.exceptions import WorkerShutdown, WorkerTerminate
from celery.schedules import crontab
from celery_rehearsal import BadUseError, VirtualCelery
from kombu.exceptions import OperationalError

from .conftest import KYIV, NOON

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)


def runs(celery: VirtualCelery, task: str) -> list[str]:
    return [f"{r.at.astimezone(KYIV):%H:%M:%S}" for r in celery.timeline.of("started", task)]


@pytest.mark.parametrize(("transport", "again"), [("memory", "12:00:00"), ("fakeredis", "13:00:00")])
def test_a_killed_worker_loses_nothing_with_late_acks(app: Celery, transport: str, again: str) -> None:
    """A late ack brings the message back: at once where the broker notices, after the timeout on Redis."""

    @app.task(name="dies", acks_late=True, shared=False)
    def dies() -> None:
        if len(celery.timeline.of("started", "dies")) == 1:
            celery.kill_worker()

    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        dies.delay()
        celery.advance(2 * HOUR)
        assert runs(celery, "dies") == ["12:00:00", again]
        assert [r.worker for r in celery.timeline.of("worker lost")] == ["worker1"]
        assert [r.worker for r in celery.timeline.of("redelivered")] == ["worker2"]
        assert not celery.pending()


def test_a_killed_worker_loses_what_it_acked_early(app: Celery, transport: str) -> None:
    """Early acks, Celery's default: the message was gone before the task began."""

    @app.task(name="dies", shared=False)
    def dies() -> None:
        celery.kill_worker()

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        dies.delay()
        celery.advance(timedelta(0))
        celery.start_worker()
        celery.advance(24 * HOUR)
        assert len(celery.timeline.of("started", "dies")) == 1
        assert celery.timeline.of("succeeded") == []


def test_a_message_waits_for_a_worker(app: Celery, transport: str) -> None:
    """What is published while no worker runs is done when one starts."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        celery.kill_worker()
        app.tasks["note"].delay()
        celery.advance(HOUR)
        assert runs(celery, "note") == []
        celery.start_worker()
        celery.advance(timedelta(0))
        assert runs(celery, "note") == ["13:00:00"]


def test_two_beats_send_two_messages(app: Celery, transport: str) -> None:
    """Nothing keeps two beats from sending the same entry."""
    app.conf.beat_schedule = {"decline": {"task": "note", "schedule": crontab(hour=18, minute=0)}}
    with VirtualCelery(app, start=NOON, transport=transport, beats=2) as celery:
        celery.advance(24 * HOUR)
        assert [r.by for r in celery.timeline.of("sent")] == ["beat1", "beat2"]


@pytest.mark.parametrize(("fresh", "count"), [(False, 1), (True, 0)])
def test_a_beat_that_was_down_catches_up_only_with_its_file(app: Celery, fresh: bool, count: int) -> None:
    """Down over 18:00 and back at 21:00: the schedule file knows what was missed, a fresh one does not."""
    app.conf.beat_schedule = {"decline": {"task": "note", "schedule": crontab(hour=18, minute=0)}}
    with VirtualCelery(app, start=NOON) as celery:
        celery.stop_beat()
        celery.advance(9 * HOUR)
        celery.start_beat(fresh=fresh)
        celery.advance(HOUR)
        assert runs(celery, "note") == ["21:00:00"] * count


def test_a_lost_broker_forgets_every_message(app: Celery, transport: str) -> None:
    """Queued and scheduled messages are gone alike."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].apply_async(countdown=60)
        celery.advance(timedelta(seconds=1))
        app.tasks["note"].delay()
        celery.lose_broker()
        celery.advance(24 * HOUR)
        assert runs(celery, "note") == []
        app.tasks["note"].delay()
        celery.advance(timedelta(0))
        assert len(runs(celery, "note")) == 1


def test_a_publish_fails_as_often_as_told(app: Celery, transport: str) -> None:
    """The next n publishes raise what Celery raises when its broker is down; then it is back."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        celery.fail_publish(2)
        for _ in range(2):
            with pytest.raises(OperationalError, match="fail_publish"):
                app.tasks["note"].delay()
        app.tasks["note"].delay()
        celery.run_until_idle()
        assert len(celery.timeline.of("sent")) == len(celery.timeline.of("started")) == 1


def test_a_message_can_come_twice(app: Celery, transport: str) -> None:
    """A doubled message runs twice, under one id."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        sent = app.tasks["note"].delay()
        celery.deliver_twice(sent.id)
        celery.run_until_idle()
        assert [r.id for r in celery.timeline.of("succeeded")] == [sent.id] * 2


def test_a_step_of_the_wall_clock_moves_no_countdown(app: Celery, transport: str) -> None:
    """A worker counts seconds: with the clock set back an hour, ten minutes are still ten minutes."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].apply_async(countdown=600)
        celery.advance(timedelta(0))
        celery.step_clock(-HOUR)
        celery.advance(timedelta(minutes=10))
        assert runs(celery, "note") == ["11:10:00"]


@pytest.mark.parametrize(("longest", "sent"), [(None, "17:04:00"), (40, "17:00:20")])
def test_beat_notices_a_step_of_the_wall_clock_as_it_wakes(app: Celery, longest: Any, sent: str) -> None:
    """A step past 16:00 is seen up to 300 s later, or beat_max_loop_interval; a beat that counts seconds sleeps on."""
    app.conf.beat_max_loop_interval = longest
    app.conf.beat_schedule = {"four": {"task": "note", "schedule": crontab(hour=16, minute=0)}}
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(minutes=1)
        celery.step_clock(5 * HOUR - timedelta(minutes=1))
        celery.run_until(NOON + 6 * HOUR)
        assert runs(celery, "note") == [sent]


def test_beat_waits_again_for_what_a_step_puts_off(app: Celery) -> None:
    """Set back an hour at 15:30, beat sends the entry of 16:00 when the clock says 16:00, and only then."""
    app.conf.beat_schedule = {"four": {"task": "note", "schedule": crontab(hour=16, minute=0)}}
    with VirtualCelery(app, start=NOON) as celery:
        celery.run_until(NOON + 3.5 * HOUR)
        celery.step_clock(-HOUR)
        celery.advance(2 * HOUR)
        assert runs(celery, "note") == ["16:00:00"]


def test_naming_nobody_is_an_error(app: Celery) -> None:
    """A fault on a worker that is not there says who is."""
    with VirtualCelery(app, start=NOON) as celery:
        with pytest.raises(BadUseError, match=r"no worker 'worker7'; running: worker1"):
            celery.kill_worker("worker7")
        with pytest.raises(BadUseError, match="is down"):
            celery.start_worker("worker1")


def test_a_stopped_worker_gives_back_what_it_holds(app: Celery, transport: str) -> None:
    """SIGTERM: what waits for its ETA goes back to the queue, on Redis as well, and another worker has it at once."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=2, beats=0) as celery:
        app.tasks["late"].apply_async(countdown=600)
        celery.advance(timedelta(seconds=1))
        holder = celery.pending().scheduled[0].worker
        celery.stop_worker(holder)
        celery.advance(timedelta(seconds=1))
        assert [waiting.worker for waiting in celery.pending().scheduled] == list(celery.workers)
        celery.run_until_idle()
        assert runs(celery, "late") == ["12:10:00"]
        assert holder == celery.timeline.of("worker stopped")[0].worker


@pytest.mark.parametrize(("error", "kind"), [(WorkerShutdown, "worker stopped"), (WorkerTerminate, "worker lost")])
def test_a_task_can_end_its_worker(app: Celery, error: type[BaseException], kind: str) -> None:
    """A task that raises Celery's own shutdown ends its worker where the pool is solo, and the cluster goes on."""

    @app.task(name="ends", shared=False)
    def ends() -> None:
        raise error(0)

    with VirtualCelery(app, start=NOON, pool="solo") as celery:
        ends.delay()
        celery.advance(HOUR)
        assert celery.timeline.of(kind)[0].detail == f"{error.__name__} in a task"
        assert celery.workers_down == ["worker1"]


def test_a_message_can_end_its_worker(app: Celery, transport: str) -> None:
    """A body that is no task's is an unrecoverable error of the program, as in production; the message comes back."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        with app.connection_for_write() as connection, connection.Producer() as producer:
            headers = {"task": "note", "id": "poison", "lang": "py"}
            producer.publish([[], {}], routing_key="celery", serializer="json", headers=headers)
        celery.advance(HOUR)
        assert celery.workers_down == ["worker1"]
        assert celery.timeline.of("worker stopped")[0].detail.startswith("unrecoverable error: ValueError(")
        assert [message.id for message in celery.pending().queued] == ["poison"]
        celery.start_worker()
        celery.advance(HOUR)
        assert celery.workers_down == ["worker1"]


def test_beat_swallows_a_failed_publish(app: Celery, transport: str) -> None:
    """With the broker down at 18:00 beat has sent nothing and believes it has: the run is lost until tomorrow."""
    app.conf.beat_schedule = {"decline": {"task": "note", "schedule": crontab(hour=18, minute=0)}}
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        celery.fail_publish(1)
        celery.advance(12 * HOUR)
        assert [(r.by, r.entry) for r in celery.timeline.of("unsent", "note")] == [("beat1", "decline")]
        celery.advance(24 * HOUR)
        assert [f"{r.at.astimezone(KYIV):%d %H:%M}" for r in celery.timeline.of("started", "note")] == ["16 18:00"]


def test_the_transports_own_options_hold(app: Celery) -> None:
    """A key prefix, another timeout and another restore interval are the app's, and the cluster's too."""
    app.conf.broker_transport_options = {
        "global_keyprefix": "shop:",
        "visibility_timeout": 300,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }
    with VirtualCelery(app, start=NOON, transport="fakeredis", beats=0) as celery:
        celery.kill_worker(during="late")
        app.tasks["late"].delay()
        celery.advance(timedelta(0))
        celery.start_worker()
        celery.advance(HOUR)
        first, second = runs(celery, "late")
        assert first == "12:00:00"
        assert second.startswith("12:0")
        assert second > "12:04:59"


def test_a_fault_for_one_of_several_asks_for_a_name(app: Celery) -> None:
    """With two workers, kill_worker() does not choose; without one, there is nothing to kill."""
    with VirtualCelery(app, start=NOON, workers=2, beats=0) as celery:
        with pytest.raises(BadUseError, match=r"which worker\? give its name; running: worker1, worker2"):
            celery.kill_worker()
        with pytest.raises(BadUseError, match="no beat runs; running: none"):
            celery.stop_beat()
        with pytest.raises(BadUseError, match="no worker is down; down: none"):
            celery.start_worker()
