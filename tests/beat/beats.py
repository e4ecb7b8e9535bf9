"""What the tests of beat's schedulers share: their names, the rows of django-celery-beat, and what was sent."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from celery_rehearsal import VirtualCelery
from django.apps import apps

from refunds.apps import LABEL
from refunds.beat import drift
from refunds.domain import cutoff

from ..day.conftest import Start
from ..factories import CUTOFF, HOUR

FILE = "celery.beat:PersistentScheduler"
STOCK = "django_celery_beat.schedulers:DatabaseScheduler"
OURS = drift.SCHEDULER
DECLINE, RECONCILE = f"{LABEL}.decline_pending", f"{LABEL}.reconcile"
# The declared decline as drift writes a crontab.
DECLARED = f"{cutoff.TIME.minute} {cutoff.TIME.hour} * * * {cutoff.ZONE.key}"
# An edit to an hour before the cutoff lies ahead, and the previous cutoff behind.
BEFORE = CUTOFF - 1.5 * HOUR

Edit = Callable[[Any], None]


def begin(start: Start, at: datetime = BEFORE, scheduler: str = OURS) -> VirtualCelery:
    """Start beat, and a worker that reads the decisions alone; beat has stored its rows."""
    celery = start(at, scheduler=scheduler, workers={"worker": ["decisions"]})
    celery.run_until(at)
    return celery


def restart(celery: VirtualCelery) -> None:
    celery.stop_beat()
    celery.start_beat()


def model(name: str) -> Any:
    """Return a model of django-celery-beat."""
    return apps.get_model(drift.PACKAGE, name)


def rows() -> Any:
    """Return the rows of all entries."""
    return model("PeriodicTask").objects


def daily(at: datetime, **columns: Any) -> Any:
    """Make a row of a crontab for every day at this time of the cutoff's zone, or as the columns say."""
    local = at.astimezone(cutoff.ZONE)
    columns = {"minute": str(local.minute), "hour": str(local.hour), "timezone": cutoff.ZONE.key, **columns}
    return model("CrontabSchedule").objects.create(**columns)


def sent(celery: VirtualCelery, task: str = DECLINE) -> list[datetime]:
    """Return when beat sent the task, in whole seconds."""
    return [record.at.replace(microsecond=0) for record in celery.timeline.of("sent", task)]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what our scheduler logged."""
    return [each.getMessage() for each in caplog.records if each.name == f"{drift.__package__}.scheduler"]
