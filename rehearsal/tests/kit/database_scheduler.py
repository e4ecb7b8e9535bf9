"""A scenario for a process of its own: django-celery-beat's scheduler, with settings of its own.

Prints the local instants at which the entry ran, as JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from importlib import import_module
from typing import Any

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django_celery_beat"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
    TIME_ZONE="Europe/Kyiv",
)
django.setup()

from celery_rehearsal import VirtualCelery  # noqa: E402 - as above
from django.core.management import call_command  # noqa: E402 - Django is set up first

from .conftest import KYIV, NOON  # noqa: E402 - as above
from .shop import make_app  # noqa: E402 - as above

# by name: it has no types
models: Any = import_module("django_celery_beat.models")

SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"


def main() -> None:
    """Run two days at 18:00, edit the entry to 19:30, run a third; then switch it off, and run a fourth."""
    call_command("migrate", verbosity=0)
    with VirtualCelery(make_app(), start=NOON, transport=sys.argv[1], scheduler=SCHEDULER) as celery:
        crontab: Any = models.CrontabSchedule.objects.create(hour="18", minute="0", timezone="Europe/Kyiv")
        entry: Any = models.PeriodicTask.objects.create(name="daily", task="note", crontab=crontab)
        celery.advance(timedelta(days=2))
        crontab.hour, crontab.minute = "19", "30"
        crontab.save()
        celery.advance(timedelta(days=1))
        entry.enabled = False
        entry.save()
        celery.advance(timedelta(days=1))
        ran = celery.timeline.of("started", "note")
    sys.stdout.write(json.dumps([f"{record.at.astimezone(KYIV):%d %H:%M:%S}" for record in ran]))


if __name__ == "__main__":
    main()
