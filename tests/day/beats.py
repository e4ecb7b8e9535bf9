"""What tests of beat's schedulers share: their names, the rows of django-celery-beat, and what was sent."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from celery_rehearsal import VirtualCelery
from django.apps import apps

from refunds.beat import drift
from refunds.domain import cutoff

from ..factories import NOON

FILE = "celery.beat:PersistentScheduler"
STOCK = "django_celery_beat.schedulers:DatabaseScheduler"
OURS = "refunds.beat.scheduler:DeclaredScheduler"
DECLINE = "refunds.decline_pending"
READERS = {"worker": ["decisions"]}
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
HOUR = timedelta(hours=1)
# 16:30 in Kyiv: an edit to 17:00 lies ahead, and the last 18:00 behind.
HALF_PAST_FOUR = NOON + 4.5 * HOUR

Edit = Callable[[Any], None]


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
    return [record.getMessage() for record in caplog.records if record.name == "refunds.beat.scheduler"]
