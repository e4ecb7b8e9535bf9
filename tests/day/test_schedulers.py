"""Beat's schedulers: the file's, django-celery-beat's, and ours, which holds its rows to the declared schedule."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from django.apps import apps
from django.db import connection

from refunds.domain import cutoff
from refunds.models import Sweep
from refunds.operations import drift, sweeps
from refunds.schedule import beat_schedule
from refunds.testkit import VirtualCelery

from ..factories import CUTOFF, NOON, make_requests
from .conftest import Schedule, Start

pytestmark = pytest.mark.django_db(transaction=True)
FILE = "celery.beat:PersistentScheduler"
STOCK = "django_celery_beat.schedulers:DatabaseScheduler"
OURS = "refunds.beat:DeclaredScheduler"
DECLINE = "refunds.decline_pending"
READERS = {"worker": ["decisions"]}
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
HOUR = timedelta(hours=1)
# 16:30 in Kyiv: an edit to 17:00 lies ahead, and the last 18:00 behind.
HALF_PAST_FOUR = NOON + 4.5 * HOUR

Edit = Callable[[Any], None]


@pytest.fixture
def decline(schedule: Schedule) -> dict[str, Any]:
    """The decline alone: what happens at 18:00 is beat's doing, and no reconciler's."""
    entries = {"decline-pending": beat_schedule()["decline-pending"]}
    schedule(entries)
    return entries


def model(name: str) -> Any:
    return apps.get_model(drift.PACKAGE, name)


def rows() -> Any:
    return model("PeriodicTask").objects


def at(hour: str, **columns: Any) -> Any:
    columns = {"minute": "0", "timezone": cutoff.ZONE.key, **columns}
    return model("CrontabSchedule").objects.create(hour=hour, **columns)


def sent(celery: VirtualCelery, task: str = DECLINE) -> list[str]:
    return [f"{record.at.astimezone(cutoff.ZONE):%d %H:%M:%S}" for record in celery.timeline.of("sent", task)]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "refunds.beat"]


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("scheduler", [FILE, STOCK, OURS])
@pytest.mark.parametrize("sunday", [SPRING, AUTUMN])
def test_each_scheduler_declines_once_a_day_around_a_change_of_clocks(
    start: Start, sunday: date, scheduler: str
) -> None:
    """On the Saturday, Sunday and Monday of either change, at 18:00:00 local and at no other time."""
    midnight = datetime.combine(sunday - timedelta(days=1), time(0), cutoff.ZONE)
    celery = start(midnight, scheduler=scheduler, workers=READERS)
    celery.run_until(midnight.astimezone(UTC) + timedelta(days=3))
    days = [sunday + timedelta(days=n) for n in (-1, 0, 1)]
    assert sent(celery) == [f"{day:%d} 18:00:00" for day in days]
    assert [sweep.scheduled_for for sweep in Sweep.objects.order_by("pk")] == [cutoff.on(day) for day in days]


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("scheduler", [FILE, STOCK, OURS])
def test_a_restart_at_half_past_ten_sends_no_second_decline(start: Start, scheduler: str) -> None:
    """Neither that evening nor at another hour of the next day."""
    celery = start(NOON, scheduler=scheduler, workers=READERS)
    celery.advance(10.5 * HOUR)
    celery.stop_beat()
    celery.start_beat()
    celery.advance(24 * HOUR)
    assert sent(celery) == ["15 18:00:00", "16 18:00:00"]


@pytest.mark.parametrize(("scheduler", "first"), [(STOCK, ["16 17:00:00", "16 18:00:00"]), (OURS, ["15 22:30:00"])])
def test_an_entry_by_hand_is_made_up_for_when_beat_is_back(
    start: Start, schedule: Schedule, scheduler: str, first: list[str]
) -> None:
    """At 22:30; django-celery-beat reads it at 17:00 of the next day, and makes up for it then."""
    schedule({})
    celery = start(NOON, scheduler=scheduler, workers=READERS)
    celery.stop_beat()
    rows().create(name="by hand", task=DECLINE, crontab=at("18"))
    celery.advance(10.5 * HOUR)
    celery.start_beat()
    celery.advance(20 * HOUR)
    assert sent(celery)[: len(first)] == first


def edit_the_crontab(row: Any) -> None:
    row.crontab.hour = "17"
    row.crontab.save()


def take_another_crontab(row: Any) -> None:
    row.crontab = at("17")
    row.save()


def take_another_time_zone(row: Any) -> None:
    row.crontab = at("18", timezone="Asia/Tbilisi")  # 17:00 in Kyiv's summer
    row.save()


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("edit", [edit_the_crontab, take_another_crontab, take_another_time_zone])
def test_an_edit_to_17_is_put_back(start: Start, edit: Edit, caplog: pytest.LogCaptureFixture) -> None:
    """While beat runs: nothing is sent at 17:00 and one decline at 18:00, and the edit is in the log."""
    celery = start(HALF_PAST_FOUR, scheduler=OURS, workers=READERS)
    celery.advance(timedelta(0))
    edit(rows().get(name="decline-pending"))
    celery.advance(3 * HOUR)
    assert sent(celery) == ["15 18:00:00"]
    assert drift.compare({"decline-pending": beat_schedule()["decline-pending"]}) == []
    (line,) = warnings(caplog)[-1:]
    assert line.startswith("schedule drift, put back: decline-pending: schedule is '")
    assert line.endswith("declared is '0 18 * * * Europe/Kyiv'")


def test_the_stock_scheduler_follows_the_edit_and_the_reconciler_declines(start: Start) -> None:
    """Edited to 17:00, nothing is declined at 17:00, and half a minute after 18:00 the day has its one sweep."""
    make_requests(received_at=NOON)
    celery = start(HALF_PAST_FOUR, scheduler=STOCK)
    sweeps.decline_pending(celery.now)  # of yesterday's cut-off, as after a day of running
    edit_the_crontab(rows().get(name="decline-pending"))
    celery.run_until(CUTOFF - timedelta(seconds=1))
    assert sent(celery) == ["15 17:00:00"]
    assert Sweep.objects.count() == 1
    celery.advance(timedelta(minutes=1))
    assert Sweep.objects.get(scheduled_for=CUTOFF).started_at - CUTOFF < timedelta(seconds=30)


def disable(row: Any) -> None:
    row.enabled = False
    row.save()


def disable_unseen(row: Any) -> None:
    rows().filter(pk=row.pk).update(enabled=False)


def send_once(row: Any) -> None:
    row.one_off, row.total_run_count = True, 1
    row.save()


def send_later(row: Any) -> None:
    row.start_time = NOON + timedelta(days=9)
    row.save()


def let_it_lapse(row: Any) -> None:
    row.expires = NOON
    row.save()


def send_elsewhere(row: Any) -> None:
    row.queue = "mail"
    row.save()


def add_arguments(row: Any) -> None:
    row.kwargs = '{"dry": true}'
    row.save()


def rename(row: Any) -> None:
    row.name = "decline at night"
    row.save()


def remove(row: Any) -> None:
    row.delete()


EDITS = [disable, disable_unseen, send_once, send_later, let_it_lapse, send_elsewhere, add_arguments, rename, remove]


@pytest.mark.parametrize("edit", EDITS)
def test_whatever_is_edited_is_put_back(start: Start, decline: dict[str, Any], edit: Edit) -> None:
    """The declared decline is sent once, at 18:00, to the queue of the decisions."""
    celery = start(HALF_PAST_FOUR, scheduler=OURS, workers=READERS)
    celery.advance(timedelta(0))
    edit(rows().get(name="decline-pending"))
    celery.advance(3 * HOUR)
    assert sent(celery) == ["15 18:00:00"]
    assert drift.compare(decline) == []
    assert list(rows().filter(task=DECLINE, enabled=True).values_list("name", flat=True)) == ["decline-pending"]
    assert len(celery.timeline.of("succeeded", DECLINE)) == 1


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("edit", [disable, send_once, send_later, let_it_lapse])
def test_a_start_puts_back_what_was_edited_while_beat_was_down(start: Start, edit: Edit) -> None:
    """Also what django-celery-beat leaves as it is: a row that is disabled, sent once, not yet or no more."""
    celery = start(HALF_PAST_FOUR, scheduler=OURS, workers=READERS)
    celery.advance(timedelta(0))
    celery.stop_beat()
    edit(rows().get(name="decline-pending"))
    celery.start_beat()
    celery.advance(3 * HOUR)
    assert sent(celery) == ["15 18:00:00"]


@pytest.mark.parametrize("stock_rows", [False, True])
def test_an_entry_that_the_code_no_longer_declares_is_disabled(
    start: Start, schedule: Schedule, decline: dict[str, Any], stock_rows: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Its row stays, it is in the log, and it is sent again once it is declared again."""
    nightly = {"task": DECLINE, "schedule": crontab(hour="19", minute="0")}
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
        celery.advance(24 * HOUR)
        assert rows().filter(enabled=True, task=DECLINE).count() == len(entries)
    assert sent(celery) == ["15 18:00:00", "16 18:00:00", "16 19:00:00"]
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
