"""info: S007 setting 'timezone': `timezone` is not set, so beat reads the hours of 'close' in UTC"""

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.beat_schedule = {"close": {"task": "shop.close", "schedule": crontab(hour=18, minute=0)}}


@app.task(name="shop.close")
def close() -> None:
    pass
