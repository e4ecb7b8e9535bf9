"""info: S021 entry 'close', task 'shop.close': 1 run falls into the outage of beats and workers from 02:05 to 03:35: 1 never sent
info: S021 entry 'poll', task 'shop.poll': 9 runs fall into the outage of beats and workers from 02:05 to 03:35: 9 never sent
info: S021 entry 'sync', task 'shop.sync': 9 runs fall into the outage of beats and workers from 02:05 to 03:35: 9 never sent"""

from celery import Celery
from celery.schedules import crontab

EVERY = crontab(minute="*/10")

app = Celery("shop")
app.conf.beat_schedule = {
    "close": {"task": "shop.close", "schedule": crontab(hour=3, minute=0)},
    "noon": {"task": "shop.close", "schedule": crontab(hour=12, minute=0)},
    "poll": {"task": "shop.poll", "schedule": EVERY, "options": {"expires": 650}},
    "sync": {"task": "shop.sync", "schedule": EVERY},
}


@app.task(name="shop.close")
def close() -> None:
    pass


@app.task(name="shop.poll")
def poll() -> None:
    pass


@app.task(name="shop.sync")
def sync() -> None:
    pass
