"""Rows of our scheduler that the code does not declare, that expire, or that cannot be read."""

from typing import Any

import pytest
from celery.schedules import crontab
from django.db import connection

from refunds.beat import drift
from refunds.domain import cutoff
from refunds.models import Sweep
from refunds.schedule import beat_schedule

from ..day.conftest import Schedule, Start
from ..factories import CUTOFF, DAY, HOUR, MINUTE, NOON
from .beats import DECLINE, FILE, OURS, RECONCILE, STOCK, begin, daily, restart, rows, sent, warnings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("stock_rows", [False, True])
def test_entry_that_is_no_longer_declared_is_disabled(
    start: Start, schedule: Schedule, decline: dict[str, Any], stock_rows: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Its row stays and the log names it. Declared again, beat sends it again."""
    local = CUTOFF.astimezone(cutoff.ZONE)
    hours = f"{(local.hour - 1) % 24},{(local.hour + 1) % 24}"  # an hour before the cutoff, and an hour after it
    nightly = {"task": DECLINE, "schedule": crontab(hour=hours, minute=str(local.minute))}
    schedule({**decline, "nightly": nightly})
    celery = begin(start)
    if stock_rows:
        rows().update(description="")  # as django-celery-beat writes them
        celery.advance(6 * MINUTE)
    for entries in (decline, {**decline, "nightly": nightly}):
        celery.stop_beat()
        schedule(entries)
        celery.start_beat()
        celery.advance(1.75 * HOUR)
        assert rows().filter(enabled=True, task=DECLINE).count() == len(entries)
    assert sent(celery) == [CUTOFF, CUTOFF + HOUR]
    assert [line for line in warnings(caplog) if "nightly sends" in line] == [
        f"nightly sends {DECLINE}, and the code declares no such entry any more: disabled"
    ]


@pytest.mark.usefixtures("decline")
def test_entry_by_hand_runs_and_is_reported_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """A second decline finds the sweep of the last cutoff, and does nothing."""
    celery = begin(start, NOON - HOUR)
    rows().create(name="by hand", task=DECLINE, crontab=daily(NOON))
    rows().create(name="not ours", task="shop.restock", crontab=daily(NOON + HOUR))
    celery.advance(26 * HOUR)
    assert sent(celery) == [NOON, CUTOFF, NOON + DAY]
    assert [line for line in warnings(caplog) if "by hand" in line or "not ours" in line] == [
        f"by hand sends {DECLINE}, and the code declares no such entry: it was added by hand, and runs"
    ]
    assert rows().filter(enabled=True, name__in=["by hand", "not ours"]).count() == 2
    assert [sweep.scheduled_for for sweep in Sweep.objects.order_by("pk")] == [CUTOFF - DAY, CUTOFF]


@pytest.mark.parametrize("scheduler", [FILE, STOCK, OURS])
def test_each_scheduler_keeps_the_expiry(start: Start, scheduler: str) -> None:
    """The reconciler's message expires after half a minute."""
    celery = start(NOON, scheduler=scheduler)
    celery.advance(2 * MINUTE)
    found = celery.timeline.of("sent", RECONCILE)
    assert len(found) >= 3
    assert all(record.expires and 29 < (record.expires - record.at).total_seconds() <= 30 for record in found)


def test_declared_entry_without_a_valid_row_is_logged(
    start: Start, schedule: Schedule, caplog: pytest.LogCaptureFixture
) -> None:
    """Beat sends the others, with `expires` alone as well: ours stores it in the row, where the stock one drops it."""
    decline = {**beat_schedule()["decline-pending"], "options": {"expires": 3600}}
    schedule({"decline-pending": decline, "at noon": {"task": DECLINE, "schedule": "noon"}, "nothing": {}})
    celery = begin(start)
    celery.advance(2 * HOUR)
    assert sent(celery) == [CUTOFF]
    (record,) = celery.timeline.of("sent", DECLINE)
    assert record.expires is not None
    assert 3599 < (record.expires - record.at).total_seconds() <= 3600
    lines = [line for line in warnings(caplog) if line.startswith("schedule drift, not put back: ")]
    assert {line.split(": ")[1] for line in lines} == {"at noon", "nothing"}


@pytest.mark.parametrize("name", ["decline-pending", "by hand"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("timezone", "Nowhere"),
        ("hour", "Nowhere"),
        ("crontab_id", None),
        ("args", "{"),
        ("kwargs", "["),
        ("headers", "?"),
    ],
)
def test_unreadable_row_does_not_end_beat(
    start: Start, decline: dict[str, Any], name: str, column: str, value: str | None
) -> None:
    """At its start and while it runs, beat restores a declared row, and does not send one that was added by hand."""
    celery = begin(start)
    if name != "decline-pending":
        rows().create(name=name, task=DECLINE, crontab=daily(CUTOFF + HOUR))
    row = rows().get(name=name)
    table, pk = ("crontabschedule", row.crontab_id) if value == "Nowhere" else ("periodictask", row.pk)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE django_celery_beat_{table} SET {column} = %s WHERE id = %s", [value, pk])
    celery.advance(HOUR)
    restart(celery)
    celery.advance(4 * HOUR)
    assert sent(celery) == [CUTOFF]
    assert drift.compare(decline) == []


def test_row_that_cannot_be_saved_does_not_end_beat(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """A row with two expiries, which its own save refuses, is restored, and beat goes on to send it."""
    celery = start(NOON, scheduler=OURS)
    celery.advance(MINUTE)
    rows().filter(name="reconcile").update(expires=NOON + HOUR)
    celery.advance(2 * MINUTE)
    assert len(celery.timeline.of("sent", RECONCILE)) >= 5
    assert any("cannot be saved" in line for line in warnings(caplog))
    assert drift.compare(beat_schedule()) == []
