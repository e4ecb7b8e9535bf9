"""Makes the database, and rows that somebody has added in the admin."""

import os
from datetime import datetime, timezone

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 - Django is set up first
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask  # noqa: E402 - as above

call_command("migrate", verbosity=0)
kiev = CrontabSchedule.objects.create(hour="12", minute="0", timezone="Europe/Kiev")
hours = IntervalSchedule.objects.create(every=12, period="hours")
year = datetime(2100, 1, 1, tzinfo=timezone.utc)
PeriodicTask.objects.create(name="misspelt", task="shop.tasks.closed", crontab=kiev)
PeriodicTask.objects.create(name="until 2100", task="shop.tasks.close", interval=hours, expires=year, queue="celery")
PeriodicTask.objects.create(name="off", task="shop.tasks.gone", interval=hours, enabled=False)
