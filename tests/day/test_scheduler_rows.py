"""Rows of our scheduler that the code does not declare, that expire, or that cannot be read."""

from datetime import timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from django.db import connection

from refunds.beat import drift
from refunds.domain import cutoff
from refunds.models import Sweep
from refunds.schedule import beat_schedule

from ..factories import NOON
from .beats import DECLINE, FILE, HALF_PAST_FOUR, HOUR, OURS, READERS, STOCK, at, rows, sent, warnings
from .conftest import Schedule, Start

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("stock_rows", [False, True])
def test_an_entry_that_the_code_no_longer_declares_is_disabled(
    start: Start, schedule: Schedule, decline: dict[str, Any], stock_rows: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Its row stays, it is in the log, and it is sent again once it is declared again."""
    nightly = {"task": DECLINE, "schedule": crontab(hour="17,19", minute="0")}
    schedule({**decline, "nightly": nightly})
    celery = start(HALF_PAST_FOUR, scheduler=OURS, workers=READERS)
    celery.advance(timedelta(0))
    if stock_rows:
        rows().update(description="")  # as django-celery-beat writes them
        celery.advance(timedelta(minutes=6))
    for entries in (decline, {**decline, "nightly": nightly}):
        celery.stop_beat()
        schedule(entries)
        celery.start_beat()
        celery.advance(1.75 * HOUR)
        assert rows().filter(enabled=True, task=DECLINE).count() == len(entries)
    assert sent(celery) == ["15 18:00:00", "15 19:00:00"]
    assert [line for line in warnings(caplog) if "nightly sends" in line] == [
        "nightly sends refunds.decline_pending, and the code declares no such entry any more: disabled"
    ]


@pytest.mark.usefixtures("decline")
def test_an_entry_by_hand_runs_and_is_reported_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """A second decline at noon finds the day's sweep made, and does nothing."""
    celery = start(NOON - HOUR, scheduler=OURS, workers=READERS)
    rows().create(name="by hand", task=DECLINE, crontab=at("12"))
    rows().create(name="not ours", task="shop.restock", crontab=at("3"))
    celery.advance(26 * HOUR)
    assert sent(celery) == ["15 12:00:00", "15 18:00:00", "16 12:00:00"]
    assert [line for line in warnings(caplog) if "by hand" in line or "not ours" in line] == [
        "by hand sends refunds.decline_pending, and the code declares no such entry: it was added by hand, and runs"
    ]
    assert rows().filter(enabled=True, name__in=["by hand", "not ours"]).count() == 2
    assert [sweep.scheduled_for for sweep in Sweep.objects.order_by("pk")] == [
        cutoff.latest(NOON),
        cutoff.upcoming(NOON),
    ]


@pytest.mark.parametrize("scheduler", [FILE, STOCK, OURS])
def test_each_scheduler_keeps_the_expiry(start: Start, scheduler: str) -> None:
    """What the reconciler is sent is good for half a minute."""
    celery = start(NOON, scheduler=scheduler)
    celery.advance(timedelta(minutes=2))
    found = celery.timeline.of("sent", "refunds.reconcile")
    assert len(found) >= 3
    assert all(record.expires and 29 < (record.expires - record.at).total_seconds() <= 30 for record in found)


def test_a_declared_entry_that_makes_no_row_is_logged(
    start: Start, schedule: Schedule, decline: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It is not sent, and the others are."""
    schedule({**decline, "at noon": {"task": DECLINE, "schedule": "noon"}, "nothing": {}})
    celery = start(HALF_PAST_FOUR, scheduler=OURS, workers=READERS)
    celery.advance(2 * HOUR)
    assert sent(celery) == ["15 18:00:00"]
    lines = [line for line in warnings(caplog) if line.startswith("schedule drift, not put back: ")]
    assert {line.split(": ")[1] for line in lines} == {"at noon", "nothing"}


def test_an_expiry_by_celerys_name_alone_is_kept(start: Start, schedule: Schedule) -> None:
    """Ours takes it into the row; django-celery-beat would drop it."""
    schedule({"decline-pending": {**beat_schedule()["decline-pending"], "options": {"expires": 3600}}})
    celery = start(HALF_PAST_FOUR, scheduler=OURS, workers=READERS)
    celery.advance(2 * HOUR)
    (record,) = celery.timeline.of("sent", DECLINE)
    assert record.expires is not None
    assert 3599 < (record.expires - record.at).total_seconds() <= 3600


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize("name", ["decline-pending", "by hand"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("crontab", "timezone"),
        ("crontab", "hour"),
        ("crontab_id", None),
        ("args", "{"),
        ("kwargs", "["),
        ("headers", "?"),
    ],
)
def test_a_row_that_cannot_be_read_does_not_end_beat(
    start: Start, decline: dict[str, Any], name: str, column: str, value: str | None
) -> None:
    """At the start and while it runs: what is declared is put back, what was added by hand is not sent."""
    celery = start(HALF_PAST_FOUR, scheduler=OURS, workers=READERS)
    celery.advance(timedelta(0))
    if name != "decline-pending":
        rows().create(name=name, task=DECLINE, crontab=at("19"))
    row = rows().get(name=name)
    if column == "crontab":
        sql(f"UPDATE django_celery_beat_crontabschedule SET {value} = %s WHERE id = %s", "Mars", row.crontab_id)
    else:
        sql(f"UPDATE django_celery_beat_periodictask SET {column} = %s WHERE id = %s", value, row.pk)
    celery.advance(HOUR)
    celery.stop_beat()
    celery.start_beat()
    celery.advance(4 * HOUR)
    assert sent(celery) == ["15 18:00:00"]
    assert drift.compare(decline) == []


def test_a_row_that_cannot_be_saved_does_not_end_beat(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """Two expiries, which its own save refuses: put back, and sent on."""
    celery = start(NOON, scheduler=OURS)
    celery.advance(timedelta(minutes=1))
    rows().filter(name="reconcile").update(expires=NOON + HOUR)
    celery.advance(timedelta(minutes=2))
    assert len(celery.timeline.of("sent", "refunds.reconcile")) >= 5
    assert any("cannot be saved" in line for line in warnings(caplog))
    assert drift.compare(beat_schedule()) == []
