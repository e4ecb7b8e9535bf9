"""Beat's schedulers: the file's, django-celery-beat's, and ours, which puts back what is edited."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from refunds.beat import drift
from refunds.domain import cutoff
from refunds.models import Sweep
from refunds.operations import sweeps
from refunds.schedule import beat_schedule

from ..day.conftest import Schedule, Start
from ..factories import CUTOFF, NOON, make_requests
from .beats import BEFORE, DAY, DECLARED, DECLINE, FILE, HOUR, OURS, READERS, STOCK, Edit, daily, rows, sent, warnings

pytestmark = pytest.mark.django_db(transaction=True)


def changes(year: int) -> list[date]:
    """The days of a year whose cutoff is not 24 hours after the one before: the clocks have changed in between."""
    days = [date(year, 1, 1) + number * DAY for number in range(365)]
    return [day for day in days if cutoff.on(day) - cutoff.on(day - DAY) != DAY]


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("scheduler", [FILE, pytest.param(STOCK, marks=pytest.mark.long), OURS])
@pytest.mark.parametrize("day", changes(2026))
def test_each_scheduler_declines_once_a_day_around_a_change_of_clocks(start: Start, day: date, scheduler: str) -> None:
    """On that day, the day before and the day after, beat sends at the cutoff and at no other time."""
    cutoffs = [cutoff.on(day + number * DAY) for number in (-1, 0, 1)]
    celery = start(cutoffs[0] - HOUR, scheduler=scheduler, workers=READERS)
    celery.run_until(cutoffs[-1] + 0.5 * HOUR)
    assert sent(celery) == cutoffs
    assert [sweep.scheduled_for for sweep in Sweep.objects.order_by("pk")] == cutoffs


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("scheduler", [FILE, pytest.param(STOCK, marks=pytest.mark.long), OURS])
def test_restart_after_the_cutoff_sends_no_second_decline(start: Start, scheduler: str) -> None:
    """It sends none after the restart, and none at another hour of the next day."""
    celery = start(NOON, scheduler=scheduler, workers=READERS)
    celery.advance(10.5 * HOUR)
    celery.stop_beat()
    celery.start_beat()
    celery.advance(24 * HOUR)
    assert sent(celery) == [CUTOFF, CUTOFF + DAY]


@pytest.mark.parametrize("scheduler", [STOCK, OURS])
def test_missed_entry_by_hand_is_made_up_for(start: Start, schedule: Schedule, scheduler: str) -> None:
    """Ours sends it when beat is back; django-celery-beat reads it only near its hour, and sends it the next day."""
    schedule({})
    celery = start(NOON, scheduler=scheduler, workers=READERS)
    celery.stop_beat()
    rows().create(name="by hand", task=DECLINE, crontab=daily(CUTOFF))
    celery.advance(10.5 * HOUR)
    back = celery.now
    celery.start_beat()
    celery.advance(20 * HOUR)
    first = sent(celery)[0]
    assert first == back if scheduler == OURS else back + 12 * HOUR < first <= CUTOFF + DAY


EARLIER = (CUTOFF - HOUR).astimezone(cutoff.ZONE)


def edit_the_crontab(row: Any) -> None:
    row.crontab.hour = str(EARLIER.hour)
    row.crontab.save()


def take_another_crontab(row: Any) -> None:
    row.crontab = daily(EARLIER)
    row.save()


def take_another_time_zone(row: Any) -> None:
    # In this zone the cutoff's time of day comes up to an hour before the cutoff.
    ahead = {name: CUTOFF.astimezone(ZoneInfo(name)).utcoffset() for name in sorted(available_timezones())}
    own = CUTOFF.astimezone(cutoff.ZONE).utcoffset()
    zone = next(name for name, offset in ahead.items() if offset and own and timedelta(0) < offset - own <= HOUR)
    row.crontab = daily(CUTOFF, timezone=zone)
    row.save()


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("edit", [edit_the_crontab, take_another_crontab, take_another_time_zone])
def test_edit_to_an_earlier_time_is_put_back(start: Start, edit: Edit, caplog: pytest.LogCaptureFixture) -> None:
    """While beat runs, it sends nothing at the earlier time and one decline at the cutoff, and logs the edit."""
    celery = start(BEFORE, scheduler=OURS, workers=READERS)
    celery.advance(timedelta(0))
    edit(rows().get(name="decline-pending"))
    celery.advance(3 * HOUR)
    assert sent(celery) == [CUTOFF]
    assert drift.compare({"decline-pending": beat_schedule()["decline-pending"]}) == []
    (line,) = warnings(caplog)[-1:]
    assert line.startswith("schedule drift, put back: decline-pending: schedule is '")
    assert line.endswith(f"declared is '{DECLARED}'")


def test_stock_scheduler_follows_the_edit_and_the_reconciler_declines(start: Start) -> None:
    """Nothing is declined at the earlier time, and half a minute after the cutoff the day has its one sweep."""
    make_requests(received_at=NOON)
    celery = start(BEFORE, scheduler=STOCK)
    sweeps.decline_pending(celery.now)  # of the previous cutoff, as after a day of running
    edit_the_crontab(rows().get(name="decline-pending"))
    celery.run_until(CUTOFF - timedelta(seconds=1))
    assert sent(celery) == [CUTOFF - HOUR]
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


def let_it_expire(row: Any) -> None:
    row.expires = NOON
    row.save()


def send_elsewhere(row: Any) -> None:
    row.queue = "payments"
    row.save()


def add_arguments(row: Any) -> None:
    row.kwargs = '{"dry": true}'
    row.save()


def rename(row: Any) -> None:
    row.name = "decline at night"
    row.save()


def remove(row: Any) -> None:
    row.delete()


EDITS = [disable, disable_unseen, send_once, send_later, let_it_expire, send_elsewhere, add_arguments, rename, remove]


@pytest.mark.parametrize("edit", EDITS)
def test_each_kind_of_edit_is_put_back(start: Start, decline: dict[str, Any], edit: Edit) -> None:
    """Beat sends the declared decline once, at the cutoff, to the queue of the decisions."""
    celery = start(BEFORE, scheduler=OURS, workers=READERS)
    celery.advance(timedelta(0))
    edit(rows().get(name="decline-pending"))
    celery.advance(3 * HOUR)
    assert sent(celery) == [CUTOFF]
    assert drift.compare(decline) == []
    assert list(rows().filter(task=DECLINE, enabled=True).values_list("name", flat=True)) == ["decline-pending"]
    assert len(celery.timeline.of("succeeded", DECLINE)) == 1


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("edit", [disable, send_once, send_later, let_it_expire])
def test_start_puts_back_edits_from_while_beat_was_down(start: Start, edit: Edit) -> None:
    """django-celery-beat would leave these: a row that is disabled, sent once, not yet or no longer valid."""
    celery = start(BEFORE, scheduler=OURS, workers=READERS)
    celery.advance(timedelta(0))
    celery.stop_beat()
    edit(rows().get(name="decline-pending"))
    celery.start_beat()
    celery.advance(3 * HOUR)
    assert sent(celery) == [CUTOFF]
