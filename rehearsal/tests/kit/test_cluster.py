"""A cluster runs the app's tasks at their instants, on either transport."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from celery import current_app
from celery._state import get_current_app
from celery.schedules import crontab
from celery_rehearsal import VirtualCelery

from .conftest import KYIV, NOON

if TYPE_CHECKING:
    from celery import Celery


def instants(celery: VirtualCelery, kind: str, task: str) -> list[str]:
    return [f"{r.at.astimezone(KYIV):%d %H:%M:%S.%f}"[:-3] for r in celery.timeline.of(kind, task)]


def test_a_message_runs_at_once(app: Celery, transport: str) -> None:
    """A task sent without a delay has run when the clock is told to stand where it is."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        sent = app.tasks["note"].delay(7)
        celery.advance(timedelta(0))
        kinds = [record.kind for record in celery.timeline]
    assert kinds == ["sent", "received", "started", "succeeded"]
    assert {record.id for record in celery.timeline} == {sent.id}


def test_a_countdown_runs_at_its_instant(app: Celery, transport: str) -> None:
    """A countdown of 40 minutes runs 40 minutes later, and not a millisecond before."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].apply_async(countdown=2400)
        celery.advance(timedelta(minutes=40) - timedelta(milliseconds=1))
        assert celery.timeline.of("started") == []
        celery.advance(timedelta(milliseconds=1))
        assert instants(celery, "started", "note") == ["15 12:40:00.000"]


def test_beat_fires_at_the_local_hour(transport: str, app: Celery) -> None:
    """An 18:00 crontab fires once a day at 18:00:00 local time."""
    app.conf.beat_schedule = {"decline": {"task": "note", "schedule": crontab(hour=18, minute=0)}}
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        celery.run_until(NOON + timedelta(days=3))
        assert instants(celery, "succeeded", "note") == [f"{day} 18:00:00.000" for day in (15, 16, 17)]
        assert {r.entry for r in celery.timeline.of("sent")} == {"decline"}


def test_retries_come_at_the_policys_instants(app: Celery, transport: str) -> None:
    """Retries after 1, 3 and 7 minutes run at the sums of those, to the second."""
    with VirtualCelery(app, start=NOON, transport=transport, beats=0) as celery:
        app.tasks["flaky"].delay()
        celery.run_until_idle()
        assert instants(celery, "started", "flaky") == [
            "15 12:00:00.000",
            "15 12:01:00.000",
            "15 12:04:00.000",
            "15 12:11:00.000",
        ]
        assert [record.attempt for record in celery.timeline.of("started")] == [1, 2, 3, 4]


def test_an_expired_message_never_runs(app: Celery, transport: str) -> None:
    """A message that waits longer than its expiry is revoked as expired."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].apply_async(countdown=60, expires=10)
        celery.run_until_idle()
        assert len(celery.timeline.of("expired", "note")) == 1
        assert celery.timeline.of("started") == []


def test_a_rate_limit_spaces_runs(app: Celery, transport: str) -> None:
    """6/m is one run each 10 seconds."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        for value in range(3):
            app.tasks["limited"].delay(value)
        celery.run_until_idle()
        assert instants(celery, "started", "limited") == [
            "15 12:00:00.000",
            "15 12:00:10.000",
            "15 12:00:20.000",
        ]


def test_without_workers_messages_wait(app: Celery, transport: str) -> None:
    """Producers alone fill the queue; nobody empties it."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=0, beats=0) as celery:
        app.tasks["note"].delay()
        celery.advance(timedelta(days=1))
        assert [message.task for message in celery.pending().queued] == ["note"]
        assert celery.next_at() is None


def test_the_clock_is_frozen_inside_and_back_outside(app: Celery) -> None:
    """Inside, the clock stands at the start; after it, the process has its own again."""
    before = datetime.now(timezone.utc)
    with VirtualCelery(app, start=NOON) as celery:
        assert celery.now == NOON
        assert datetime.now(timezone.utc) == NOON
    assert datetime.now(timezone.utc) >= before


@pytest.mark.parametrize("hours", [1, 5])
def test_the_visibility_timeout_delivers_a_long_countdown_again(app: Celery, hours: int) -> None:
    """On Redis a countdown runs once per hour of waiting: the visibility timeout is 3600 s."""
    with VirtualCelery(app, start=NOON, transport="fakeredis", beats=0) as celery:
        app.tasks["note"].apply_async(countdown=hours * 3600)
        celery.run_until_idle()
        assert len(celery.timeline.of("started", "note")) == hours


def test_the_current_app_will_do(app: Celery) -> None:
    """A proxy of the app stands for the app."""
    before = get_current_app()
    app.set_current()
    try:
        with VirtualCelery(current_app, start=NOON) as celery:
            app.tasks["note"].delay()
            celery.run_until_idle()
            celery.assert_ran("note")
    finally:
        before.set_current()
