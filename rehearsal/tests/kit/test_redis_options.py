"""The transport options of kombu's Redis channel: each is honoured, harmless or refused."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import redis  # noqa: F401  # before kombu's module, which without it fails by no ImportError
from celery_rehearsal import BadUseError, NotSimulatedError, VirtualCelery
from celery_rehearsal.redis_options import HARMLESS, HONOURED
from kombu.transport import redis as kombu_redis
from kombu.transport.virtual.base import UndeliverableWarning

from .conftest import NOON
from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)


def with_options(**options: Any) -> Celery:
    """The shop with these transport options."""
    return make_app(broker_transport_options=options)


@pytest.mark.parametrize("channel", [kombu_redis.Channel, kombu_redis.SentinelChannel])
def test_every_option_has_a_decision(channel: Any) -> None:
    """Each option that a channel of kombu reads is in one of the two lists, and in one alone."""
    assert set(channel.from_transport_options) <= HONOURED | HARMLESS
    assert not HONOURED & HARMLESS


def test_an_option_of_a_later_kombu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a new kombu would act on is refused by name; what no kombu knows is ignored, as in production."""
    options = (*kombu_redis.SentinelChannel.from_transport_options, "brand_new")
    monkeypatch.setattr(kombu_redis.SentinelChannel, "from_transport_options", options)
    with VirtualCelery(with_options(mistyped=1), start=NOON):
        pass
    with pytest.raises(NotSimulatedError, match="brand_new"):
        VirtualCelery(with_options(brand_new=1), start=NOON).__enter__()


@pytest.mark.parametrize("option", sorted(HARMLESS))
def test_a_harmless_option_changes_nothing(option: str) -> None:
    """Whatever it is set to, a task runs."""
    app = with_options(**{option: 1})
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay()
        celery.advance(timedelta(0))
        celery.assert_ran("note", at=NOON)


def test_sentinel_needs_a_master() -> None:
    """A worker on Sentinel that is not told its master does not start."""
    app = make_app(broker_url="sentinel://one:26379")
    with pytest.raises(BadUseError, match="master_name"):
        VirtualCelery(app, start=NOON).__enter__()


def test_without_acks_what_a_killed_worker_held_is_lost() -> None:
    """`ack_emulation` off: Redis forgets a message with its delivery; a warm shutdown gives it back."""
    app = with_options(ack_emulation=False)
    with VirtualCelery(app, start=NOON, beats=0) as celery:
        app.tasks["note"].apply_async(countdown=5 * 3600)
        celery.advance(HOUR)
        assert [message.task for message in celery.pending().unacked] == ["note"]
        celery.stop_worker()
        assert [message.task for message in celery.pending().queued] == ["note"]
        celery.start_worker()
        celery.advance(HOUR)
        celery.kill_worker()
        celery.start_worker()
        celery.advance(10 * HOUR)
        celery.assert_not_ran("note")
        celery.assert_idle()


@pytest.mark.parametrize(
    "options",
    [
        {"unacked_key": "out", "unacked_index_key": "outs", "unacked_mutex_key": "one", "unacked_mutex_expire": 9},
        {"global_keyprefix": "ours:"},
        {"sep": ":", "priority_steps": [0, 5], "body_encoding": None},
    ],
)
def test_other_keys_tell_the_same(options: dict[str, Any]) -> None:
    """A dead worker's message is counted, and comes back after its timeout, wherever kombu keeps it."""
    app = with_options(visibility_timeout=600, **options)
    with VirtualCelery(app, start=NOON, workers=2, beats=0) as celery:
        app.tasks["late"].apply_async(priority=6)
        celery.kill_worker(during="late")
        celery.advance(timedelta(0))
        assert [message.task for message in celery.pending().unacked] == ["late"]
        celery.advance(minutes=9)
        assert not celery.timeline.of("succeeded")
        celery.advance(minutes=4)
        assert len(celery.timeline.of("succeeded", "late")) == 1


def test_the_sweep_keeps_its_own_timetable() -> None:
    """Restoration waits for the next sweep: each `unacked_restore_interval` times `unacked_restore_throttle`."""
    # kombu 5.5 has no such options: it sweeps each 100 seconds.
    known = "unacked_restore_interval" in kombu_redis.Channel.from_transport_options
    sweep = timedelta(minutes=5) if known else timedelta(seconds=100)
    app = with_options(visibility_timeout=60, unacked_restore_interval=60, unacked_restore_throttle=5)
    with VirtualCelery(app, start=NOON, workers=2, beats=0) as celery:
        celery.kill_worker(during="late")
        app.tasks["late"].delay()
        celery.advance(minutes=10)
        assert [record.at for record in celery.timeline.of("redelivered")] == [NOON + sweep]


def test_what_has_no_queue_goes_to_the_dead_letters() -> None:
    """`deadletter_queue` gets what no queue is bound for."""
    app = with_options(deadletter_queue="lost")
    with VirtualCelery(app, start=NOON, workers=0, beats=0) as celery:
        with app.producer_pool.acquire() as producer, pytest.warns(UndeliverableWarning):
            producer.publish({}, exchange="nowhere", routing_key="k", headers={"task": "note", "id": "1"})
        assert [(message.task, message.queue) for message in celery.pending().queued] == [("note", "lost")]
