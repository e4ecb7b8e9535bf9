"""warning: W021 setting 'beat_schedule': `CELERY_BEAT_SCHEDULE` and `app.conf.beat_schedule` differ, and {release} reads `…"""

from celery import Celery
from celery.schedules import crontab

ENTRIES = {"clean": {"task": "shop.clean", "schedule": crontab(hour=3, minute=0)}}


class Settings:
    CELERY_TIMEZONE = "UTC"
    CELERY_BEAT_SCHEDULE = ENTRIES


app = Celery("shop")
app.config_from_object(Settings, namespace="CELERY")
app.conf.update(timezone="UTC")
app.conf.beat_schedule = {"close": {"task": "shop.close", "schedule": crontab(hour=18, minute=0)}}
