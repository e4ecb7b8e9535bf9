"""The schedule, by the real beat: its Scheduler ticks under a frozen clock, and workers receive its messages."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from celery import VERSION
from celery.schedules import crontab

from refunds import outbox
from refunds.domain import cutoff
from refunds.models import Sweep
from refunds.schedule import beat_schedule

from ..factories import CUTOFF, DAY, HOUR, MINUTE, NOON, PRESSED, SECOND, local, make_requests
from .conftest import Schedule, Start, app, on_both_transports

pytestmark = pytest.mark.django_db(transaction=True)
DECLINE = outbox.DECLINE_PENDING
READERS = {"worker": ["decisions"]}


def clock_changes(year: int) -> list[date]:
    """The days of a year on which the clocks of the cutoff's zone change."""
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    offsets = [datetime.combine(day, time(12), cutoff.ZONE).utcoffset() for day in days]
    return [day for day, before, after in zip(days[1:], offsets, offsets[1:], strict=False) if before != after]


@app.task(name="tests.hourly", shared=False)
def nothing() -> None:
    """The task of the hourly entry."""


@pytest.fixture
def hourly(schedule: Schedule) -> None:
    """Declare the decline and an hourly entry, with which some releases of beat were late, and no reconciler."""
    # To a queue that no worker of these tests reads: they are about what beat sends.
    hourly = {"task": "tests.hourly", "schedule": crontab(minute="15"), "options": {"queue": "payments"}}
    schedule({"decline-pending": beat_schedule()["decline-pending"], "hourly": hourly})


@pytest.mark.usefixtures("hourly")
@on_both_transports
@pytest.mark.parametrize("changed", clock_changes(2026))
def test_each_day_around_a_change_of_clocks_has_one_decline(start: Start, changed: date, transport: str) -> None:
    """On the day of each change, the day before and the day after, beat sends one decline, at the local time."""
    days = [changed + timedelta(days=n) for n in (-1, 0, 1)]
    midnight = datetime.combine(days[0], time(0), cutoff.ZONE)
    celery = start(midnight, transport=transport, workers=READERS)
    celery.run_until(datetime.combine(days[2], time(23), cutoff.ZONE).astimezone(UTC))
    fired = [local(record.at) for record in celery.timeline.of("started", DECLINE)]
    assert fired == [f"{day} {cutoff.TIME:%H:%M:%S}" for day in days]
    due = Sweep.objects.order_by("pk").values_list("scheduled_for", flat=True)
    assert list(due) == [cutoff.on(day) for day in days]


@pytest.mark.usefixtures("decline")
def test_every_day_of_a_year_has_one_decline(start: Start) -> None:
    """366 days, with both changes of clocks, have one decline each, at the local time of the cutoff."""
    celery = start(NOON, workers=READERS)
    celery.advance(366 * DAY)
    fired = [record.at.astimezone(cutoff.ZONE) for record in celery.timeline.of("started", DECLINE)]
    first = cutoff.upcoming(NOON).astimezone(cutoff.ZONE).date()
    assert [at.date() for at in fired] == [first + timedelta(days=n) for n in range(366)]
    assert {at.time().replace(microsecond=0) for at in fired} == {cutoff.TIME}


def test_reconciler_runs_every_thirty_seconds(start: Start) -> None:
    """In five minutes beat sends ten messages, half a minute apart, each of which expires after half a minute."""
    celery = start(NOON)
    celery.advance(5 * MINUTE)
    sent = [record for record in celery.timeline.of("sent", outbox.RECONCILE) if record.entry]
    gaps = {(after.at - before.at).total_seconds() for before, after in pairwise(sent)}
    assert len(sent) == 10
    assert all(30 <= gap < 30.1 for gap in gaps)
    assert all(record.expires and 29 < (record.expires - record.at).total_seconds() <= 30 for record in sent)


def test_two_beats_start_one_sweep(start: Start) -> None:
    """Two beats send two messages at the cutoff, and the day has one sweep."""
    celery = start(PRESSED, beats=2)
    celery.run_until(CUTOFF + SECOND)
    assert len(celery.timeline.of("succeeded", DECLINE)) == 2
    assert Sweep.objects.count() == 1


def test_reconciler_starts_the_decline_after_beat_was_down_over_the_cutoff(start: Start) -> None:
    """Beat is back three hours late, without its schedule file: the reconciler starts the sweep of the cutoff."""
    make_requests(received_at=NOON)
    line = cutoff.upcoming(NOON)
    celery = start(NOON)
    celery.advance(HOUR)
    celery.stop_beat()
    celery.run_until(line + 3 * HOUR)
    assert not Sweep.objects.exists()
    celery.start_beat(fresh=True)
    celery.advance(MINUTE)
    assert [sweep.scheduled_for for sweep in Sweep.objects.all()] == [line]


def test_reconciler_in_the_hour_that_comes_twice(start: Start) -> None:
    """Celery 5.7 sends it every half minute of both passes; earlier releases are silent in the second."""
    midnight = datetime.combine(clock_changes(2026)[1], time(0), cutoff.ZONE)
    celery = start(midnight, workers=READERS)
    celery.advance(5 * HOUR)
    sent = [record.at for record in celery.timeline.of("sent", outbox.RECONCILE) if record.entry]
    every = [midnight.astimezone(UTC) + n * MINUTE / 2 for n in range(1, 601)]
    assert sent == [at for at in every if VERSION[:2] >= (5, 7) or not at.astimezone(cutoff.ZONE).fold]
