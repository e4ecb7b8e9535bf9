"""Beat's schedulers: the file's, django-celery-beat's, and ours, which puts back what is edited."""

from datetime import date, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from refunds.beat import drift
from refunds.domain import cutoff
from refunds.models import Sweep
from refunds.operations import sweeps

from ..day.conftest import Schedule, Start
from ..factories import CUTOFF, DAY, HOUR, MINUTE, NOON, SECOND, make_requests
from .beats import BEFORE, DECLARED, DECLINE, FILE, OURS, STOCK, Edit, begin, daily, restart, rows, sent, warnings

pytestmark = pytest.mark.django_db(transaction=True)
EACH_SCHEDULER = pytest.mark.parametrize("scheduler", [FILE, pytest.param(STOCK, marks=pytest.mark.long), OURS])


def changes(year: int) -> list[date]:
    """The days of a year whose cutoff is not 24 hours after the one before: the clocks have changed in between."""
    days = [date(year, 1, 1) + number * DAY for number in range(365)]
    return [day for day in days if cutoff.on(day) - cutoff.on(day - DAY) != DAY]


@pytest.mark.usefixtures("decline")
@EACH_SCHEDULER
@pytest.mark.parametrize("day", changes(2026))
def test_each_scheduler_declines_once_a_day_around_a_change_of_clocks(start: Start, day: date, scheduler: str) -> None:
    """On that day, the day before and the day after, beat sends at the cutoff and at no other time."""
    cutoffs = [cutoff.on(day + number * DAY) for number in (-1, 0, 1)]
    celery = begin(start, cutoffs[0] - HOUR, scheduler)
    celery.run_until(cutoffs[-1] + 0.5 * HOUR)
    assert sent(celery) == cutoffs
    assert [sweep.scheduled_for for sweep in Sweep.objects.order_by("pk")] == cutoffs


@pytest.mark.usefixtures("decline")
@EACH_SCHEDULER
def test_restart_after_the_cutoff_sends_no_second_decline(start: Start, scheduler: str) -> None:
    """It sends none after the restart, and none at another hour of the next day."""
    celery = begin(start, NOON, scheduler)
    celery.advance(10.5 * HOUR)
    restart(celery)
    celery.advance(24 * HOUR)
    assert sent(celery) == [CUTOFF, CUTOFF + DAY]


@pytest.mark.parametrize("scheduler", [STOCK, OURS])
def test_missed_entry_by_hand_is_made_up_for(start: Start, schedule: Schedule, scheduler: str) -> None:
    """Ours sends it when beat is back; django-celery-beat reads it only near its hour, and sends it the next day."""
    schedule({})
    celery = begin(start, NOON, scheduler)
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


def set_to(row: Any, **columns: Any) -> None:
    for name, value in columns.items():
        setattr(row, name, value)
    row.save()


def take_another_time_zone(row: Any) -> None:
    # In this zone the cutoff's time of day comes up to an hour before the cutoff.
    ahead = {name: CUTOFF.astimezone(ZoneInfo(name)).utcoffset() for name in sorted(available_timezones())}
    own = CUTOFF.astimezone(cutoff.ZONE).utcoffset()
    zone = next(name for name, offset in ahead.items() if offset and own and timedelta(0) < offset - own <= HOUR)
    set_to(row, crontab=daily(CUTOFF, timezone=zone))


EARLIER_TIMES: dict[str, Edit] = {
    "of its crontab": edit_the_crontab,
    "of another crontab": lambda row: set_to(row, crontab=daily(EARLIER)),
    "in another time zone": take_another_time_zone,
}


@pytest.mark.parametrize("edit", EARLIER_TIMES.values(), ids=EARLIER_TIMES)
def test_edit_to_an_earlier_time_is_put_back(
    start: Start, decline: dict[str, Any], edit: Edit, caplog: pytest.LogCaptureFixture
) -> None:
    """While beat runs, it sends nothing at the earlier time and one decline at the cutoff, and logs the edit."""
    celery = begin(start)
    edit(rows().get(name="decline-pending"))
    celery.advance(3 * HOUR)
    assert sent(celery) == [CUTOFF]
    assert drift.compare(decline) == []
    (line,) = warnings(caplog)[-1:]
    assert line.startswith("schedule drift, put back: decline-pending: schedule is '")
    assert line.endswith(f"declared is '{DECLARED}'")


def test_stock_scheduler_follows_the_edit_and_the_reconciler_declines(start: Start) -> None:
    """Nothing is declined at the earlier time, and half a minute after the cutoff the day has its one sweep."""
    make_requests(received_at=NOON)
    celery = start(BEFORE, scheduler=STOCK)
    sweeps.decline_pending(celery.now)  # of the previous cutoff, as after a day of running
    edit_the_crontab(rows().get(name="decline-pending"))
    celery.run_until(CUTOFF - SECOND)
    assert sent(celery) == [CUTOFF - HOUR]
    assert Sweep.objects.count() == 1
    celery.advance(MINUTE)
    assert Sweep.objects.get(scheduled_for=CUTOFF).started_at - CUTOFF < 30 * SECOND


# django-celery-beat would not send a row after these edits while it was down.
LEFT: dict[str, Edit] = {
    "disabled": partial(set_to, enabled=False),
    "sent once": partial(set_to, one_off=True, total_run_count=1),
    "sent later": partial(set_to, start_time=NOON + 9 * DAY),
    "expired": partial(set_to, expires=NOON),
}
EDITS: dict[str, Edit] = LEFT | {
    "disabled unseen": lambda row: rows().filter(pk=row.pk).update(enabled=False),
    "sent elsewhere": partial(set_to, queue="payments"),
    "with arguments": partial(set_to, kwargs='{"dry": true}'),
    "renamed": partial(set_to, name="decline at night"),
    "removed": lambda row: row.delete(),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_each_kind_of_edit_is_put_back(start: Start, decline: dict[str, Any], edit: Edit) -> None:
    """Beat sends the declared decline once, at the cutoff, to the queue of the decisions."""
    celery = begin(start)
    edit(rows().get(name="decline-pending"))
    celery.advance(3 * HOUR)
    assert sent(celery) == [CUTOFF]
    assert drift.compare(decline) == []
    assert list(rows().filter(task=DECLINE, enabled=True).values_list("name", flat=True)) == ["decline-pending"]
    assert len(celery.timeline.of("succeeded", DECLINE)) == 1


@pytest.mark.usefixtures("decline")
@pytest.mark.parametrize("edit", LEFT.values(), ids=LEFT)
def test_start_puts_back_edits_from_while_beat_was_down(start: Start, edit: Edit) -> None:
    """The row is disabled, sent once, not yet valid or no longer valid."""
    celery = begin(start)
    celery.stop_beat()
    edit(rows().get(name="decline-pending"))
    celery.start_beat()
    celery.advance(3 * HOUR)
    assert sent(celery) == [CUTOFF]
