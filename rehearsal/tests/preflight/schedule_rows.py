"""A scenario for a process of its own: the entries of django-celery-beat's scheduler, with settings of its own.

Its argument is the path of an SQLite database. Prints as JSON what `celery schedule` does, and whether rows changed.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from importlib import import_module
from typing import Any

import django
from celery.schedules import crontab
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django_celery_beat"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
    USE_TZ=True,
    TIME_ZONE="UTC",
)
django.setup()

from django.core.management import call_command  # noqa: E402 - Django is set up first

from . import simulate_shop  # noqa: E402 - as above
from .schedule_apps import make_app  # noqa: E402 - as above
from .test_schedule_command import call  # noqa: E402 - as above

START = datetime(2027, 3, 27, 12, tzinfo=timezone.utc)


def main() -> None:
    """Read the schedule of a database without tables, and then of one with rows of each kind."""
    declared = {"declared": {"task": "note", "schedule": crontab(hour=18, minute=0)}}
    app = make_app(declared, beat_scheduler="django_celery_beat.schedulers:DatabaseScheduler")
    arguments = ("--from", "2027-03-27T12:00Z", "--zone", "UTC", "--days", "2", "--format", "json")
    bare = call(*arguments, app=app)
    call_command("migrate", verbosity=0)
    models: Any = import_module("django_celery_beat.models")
    _make_rows(models)
    before = _rows(models)
    done = call(*arguments, app=app)
    simulated = simulate_shop.call(app, "--days", "1")
    found = json.loads(done.stdout)
    sys.stdout.write(
        json.dumps(
            {
                "bare": [bare.exit_code, bare.stdout, bare.stderr],
                "sent": {each["name"]: [at["utc"] for at in each["firings"]] for each in found["entries"]},
                "zones": {each["name"]: each["zone"] for each in found["entries"]},
                "notes": {each["name"]: each["notes"] for each in found["entries"]},
                "simulated": [simulated.exit_code, simulated.stdout, simulated.stderr],
                "unchanged": _rows(models) == before,
            }
        )
    )


def _make_rows(models: Any) -> None:
    berlin: Any = models.CrontabSchedule.objects.create(hour="7", minute="0", timezone="Europe/Berlin")
    hours: Any = models.IntervalSchedule.objects.create(every=10, period="hours")
    ran = START - timedelta(hours=4)
    make: Any = models.PeriodicTask.objects.create
    make(name="berlin", task="note", crontab=berlin, last_run_at=START)
    make(name="interval", task="note", interval=hours, last_run_at=ran)
    make(name="off", task="note", interval=hours, enabled=False)
    make(name="once", task="note", interval=hours, one_off=True, last_run_at=ran)
    make(name="ends", task="note", interval=hours, expires=START + timedelta(hours=20), last_run_at=ran)


def _rows(models: Any) -> list[Any]:
    kinds = ("PeriodicTask", "CrontabSchedule", "IntervalSchedule", "PeriodicTasks")
    return [list(getattr(models, kind).objects.order_by("pk").values()) for kind in kinds]


if __name__ == "__main__":
    main()
