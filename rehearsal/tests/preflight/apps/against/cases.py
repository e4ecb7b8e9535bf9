"""Six schedules in the zone that CASES_ZONE names: nine zones make the 54 cases of Celery 5.6.3 and 5.7.0."""

import os
from datetime import timedelta

from celery import Celery
from celery.schedules import crontab, schedule

app = Celery("cases", broker="redis://broker.invalid/0")
app.conf.update(timezone=os.environ["CASES_ZONE"], result_expires=None)
app.conf.beat_schedule = {
    "evening": {"task": "cases.run", "schedule": crontab(hour=18, minute=0)},
    "night": {"task": "cases.run", "schedule": crontab(hour=3, minute=30)},
    "hourly": {"task": "cases.run", "schedule": crontab(minute=0)},
    "sunday": {"task": "cases.run", "schedule": crontab(hour=12, minute=0, day_of_week="sunday")},
    "relative": {"task": "cases.run", "schedule": schedule(timedelta(days=1), relative=True)},
    "daily": {"task": "cases.run", "schedule": timedelta(days=1)},
}
