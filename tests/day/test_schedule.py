"""18:00 in Kyiv, by the real beat: its Scheduler ticks under a frozen clock, and what it sends is received."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from celery.schedules import crontab

from celery_app import app
from refunds.domain import cutoff
from refunds.models import Sweep
from refunds.schedule import beat_schedule

from ..factories import CUTOFF, NOON, PRESSED, make_requests
from .conftest import Schedule, Start

pytestmark = pytest.mark.django_db(transaction=True)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
DECLINE = "refunds.decline_pending"
READERS = {"worker": ["decisions"]}


@app.task(name="tests.hourly", shared=False)
def nothing() -> None:
    """What the hourly entry runs."""


@pytest.fixture
def hourly(schedule: Schedule) -> None:
    """The decline beside an hourly entry, the company in which some releases of beat were late; no reconcile."""
    entries = {"decline-pending": beat_schedule()["decline-pending"]}
    # To a queue that nobody reads in these tests: what beat sends is what they are about.
    hourly = {"task": "tests.hourly", "schedule": crontab(minute="15"), "options": {"queue": "mail"}}
    schedule({**entries, "hourly": hourly})


def local(instants: list[datetime]) -> list[str]:
    return [f"{instant.astimezone(cutoff.ZONE):%m-%d %H:%M:%S}" for instant in instants]


@pytest.mark.usefixtures("hourly")
@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
@pytest.mark.parametrize("sunday", [SPRING, AUTUMN])
def test_each_day_around_a_change_of_clocks_has_one_decline_at_18(start: Start, sunday: date, transport: str) -> None:
    """On the Saturday, Sunday and Monday of either change beat sends one decline, at 18:00:00 local."""
    midnight = datetime.combine(sunday - timedelta(days=1), time(0), cutoff.ZONE)
    celery = start(midnight, transport=transport, workers=READERS)
    celery.run_until(midnight.astimezone(UTC) + timedelta(days=3))
    days = [sunday + timedelta(days=n) for n in (-1, 0, 1)]
    fired = [record.at for record in celery.timeline.of("started", DECLINE)]
    assert local(fired) == [f"{day:%m-%d} 18:00:00" for day in days]
    assert list(Sweep.objects.order_by("pk").values_list("scheduled_for", flat=True)) == [
        cutoff.on(day) for day in days
    ]


def test_every_day_of_a_year_has_one_decline_at_18(start: Start, schedule: Schedule) -> None:
    """366 days, both changes of clocks among them, have one decline each, at 18:00:00 local."""
    schedule({"decline-pending": beat_schedule()["decline-pending"]})
    celery = start(NOON, workers=READERS)
    celery.advance(timedelta(days=366))
    fired = [record.at.astimezone(cutoff.ZONE) for record in celery.timeline.of("started", DECLINE)]
    first = NOON.astimezone(cutoff.ZONE).date()
    assert [at.date() for at in fired] == [first + timedelta(days=n) for n in range(366)]
    assert {(at.hour, at.minute, at.second) for at in fired} == {(18, 0, 0)}


def test_the_reconciler_runs_every_thirty_seconds(start: Start) -> None:
    """In five minutes beat sends ten, half a minute apart, each good for half a minute."""
    celery = start(NOON)
    celery.advance(timedelta(minutes=5))
    sent = celery.timeline.of("sent", "refunds.reconcile")
    gaps = {(after.at - before.at).total_seconds() for before, after in pairwise(sent)}
    assert len(sent) == 10
    assert all(30 <= gap < 30.1 for gap in gaps)
    assert all(record.expires and 29 < (record.expires - record.at).total_seconds() <= 30 for record in sent)


def test_the_digest_comes_at_sunset_where_it_is_switched_on(start: Start, schedule: Schedule) -> None:
    """In Kyiv the sun sets at about 21:04 in mid-July; off by default."""
    assert "evening-digest" not in beat_schedule()
    schedule({"evening-digest": beat_schedule(evening_digest=True)["evening-digest"]})
    celery = start(NOON)
    celery.advance(timedelta(hours=12))
    (digest,) = celery.timeline.of("succeeded", "refunds.send_digest")
    at = digest.at.astimezone(cutoff.ZONE)
    assert (at.date(), at.hour) == (NOON.date(), 21)
    assert 0 <= at.minute <= 10


def test_two_beats_start_one_sweep(start: Start) -> None:
    """Two beats send two messages at 18:00, and the day has one sweep."""
    celery = start(PRESSED, beats=2)
    celery.run_until(CUTOFF + timedelta(seconds=1))
    assert len(celery.timeline.of("succeeded", DECLINE)) == 2
    assert Sweep.objects.count() == 1


def test_a_beat_that_was_down_over_18_is_made_up_for(start: Start) -> None:
    """Beat back at 21:00 without its schedule file: the reconciler starts the day's sweep, for 18:00."""
    make_requests(received_at=NOON)
    line = cutoff.upcoming(NOON)
    celery = start(NOON)
    celery.advance(timedelta(hours=1))
    celery.stop_beat()
    celery.run_until(line + timedelta(hours=3))
    assert not Sweep.objects.exists()
    celery.start_beat(fresh=True)
    celery.advance(timedelta(minutes=1))
    assert [sweep.scheduled_for for sweep in Sweep.objects.all()] == [line]
