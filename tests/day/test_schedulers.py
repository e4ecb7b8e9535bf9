"""Beat's schedulers: the file's, django-celery-beat's, and ours, which puts back what is edited."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from refunds.beat import drift
from refunds.domain import cutoff
from refunds.models import Sweep
from refunds.operations import sweeps
from refunds.schedule import beat_schedule

from ..factories import CUTOFF, NOON, make_requests
from .beats import (
    AUTUMN,
    DECLINE,
    FILE,
    HALF_PAST_FOUR,
    HOUR,
    OURS,
    READERS,
    SPRING,
    STOCK,
    Edit,
    at,
    rows,
    sent,
    warnings,
)
from .conftest import Schedule, Start

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("scheduler", [FILE, pytest.param(STOCK, marks=pytest.mark.long), OURS])
@pytest.mark.parametrize("sunday", [SPRING, AUTUMN])
def test_each_scheduler_declines_once_a_day_around_a_change_of_clocks(
    start: Start, sunday: date, scheduler: str
) -> None:
    """On the Saturday, Sunday and Monday of either change, at 18:00:00 local and at no other time."""
    saturday = datetime.combine(sunday - timedelta(days=1), time(17), cutoff.ZONE)
    celery = start(saturday, scheduler=scheduler, workers=READERS)
    celery.run_until(saturday.astimezone(UTC) + 50.5 * HOUR)
    days = [sunday + timedelta(days=n) for n in (-1, 0, 1)]
    assert sent(celery) == [f"{day:%d} 18:00:00" for day in days]
    assert [sweep.scheduled_for for sweep in Sweep.objects.order_by("pk")] == [cutoff.on(day) for day in days]


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("scheduler", [FILE, pytest.param(STOCK, marks=pytest.mark.long), OURS])
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
