from celery import Celery
from celery.schedules import crontab

ENTRIES = {"clean": {"task": "shop.clean", "schedule": crontab(hour=3, minute=0)}}


class Settings:
    CELERY_TIMEZONE = "UTC"
    CELERY_BEAT_SCHEDULE = ENTRIES


app = Celery("shop")
app.config_from_object(Settings, namespace="CELERY")
app.conf.update(timezone="UTC")
