"""warning: S018 entry 'sync', task 'shop.sync': each run takes 1 h 30 min, and the next one is due after 1 h. In a simulation of 5 firings with 1 slot, the longest wait is 1 h 30 min"""

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.beat_schedule = {"sync": {"task": "shop.sync", "schedule": crontab(minute=0)}}


@app.task(name="shop.sync")
def sync() -> None:
    pass
