"""The control: on Celery 5.5.1 the kit must see a wrong firing that polling `is_due` does not.

Celery 5.3.4 to 5.5.1 fire an 18:00 entry at 18:15 on a spring Sunday when an hourly entry stands beside it
(celery issue 9669). Not collected by default; tox -e control runs it where celery==5.5.1 is installed. If the
kit ran something that only looks like beat, these would fail.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import celery as celery_package
import pytest
from celery.schedules import crontab
from celery_rehearsal import SeamMovedError, VirtualCelery
from freezegun import freeze_time

from .conftest import KYIV
from .test_year import schedule

if TYPE_CHECKING:
    from celery import Celery

SATURDAY = datetime(2026, 3, 28, 12, 0, tzinfo=KYIV)
SUNDAY = datetime(2026, 3, 29, 18, 0, tzinfo=KYIV)


def test_this_is_the_release_with_the_fault() -> None:
    """The control says something only on the release it was written for."""
    assert celery_package.__version__ == "5.5.1"


def test_the_kit_refuses_the_release(app: Celery) -> None:
    """It is below what the kit supports, and the refusal says so."""
    with pytest.raises(SeamMovedError, match=r"celery 5\.5\.1 is not supported \(releases >=5\.5\.2"):
        VirtualCelery(app, start=SATURDAY)


def test_the_kit_sees_the_late_decline(app: Celery, transport: str) -> None:
    """Asked to run nevertheless, it shows the spring Sunday's decline at 18:15, a quarter of an hour late."""
    schedule(app)
    with VirtualCelery(app, start=SATURDAY, transport=transport, any_version=True) as celery:
        celery.run_until(SATURDAY + timedelta(days=2, hours=8))
        seen = [record.at.astimezone(KYIV) for record in celery.timeline.of("started", "note")]
    assert seen == [
        SATURDAY.replace(hour=18),
        SUNDAY.replace(minute=15),
        SUNDAY + timedelta(days=1),
    ]


def test_polling_is_due_does_not_see_it(app: Celery) -> None:
    """A test that asks the crontab itself, minute by minute, finds 18:00 and passes on the faulty release."""
    entry = crontab(hour=18, minute=0, app=app)
    last_run = SATURDAY.replace(hour=18)
    moment = SUNDAY - timedelta(hours=1)
    while True:
        with freeze_time(moment.astimezone(timezone.utc)):
            if entry.is_due(last_run).is_due:
                break
        moment += timedelta(minutes=1)
    assert moment == SUNDAY
