"""info: S021 entry 'close', task 'shop.close': 1 run falls into the outage of workers from 02:00 to 03:30: 1 on time
info: S021 entry 'poll', task 'shop.poll': 9 runs fall into the outage of workers from 02:00 to 03:30: 8 expired unread, 1 on time
info: S021 entry 'sync', task 'shop.sync': 9 runs fall into the outage of workers from 02:00 to 03:30: 9 waiting"""

from celery import Celery
from celery.schedules import crontab

EVERY = crontab(minute="*/10")

app = Celery("shop")
app.conf.beat_schedule = {
    "close": {"task": "shop.close", "schedule": crontab(hour=2, minute=0)},
    "poll": {"task": "shop.poll", "schedule": EVERY, "options": {"expires": 300}},
    "sync": {"task": "shop.sync", "schedule": EVERY, "options": {"countdown": 7200}},
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
