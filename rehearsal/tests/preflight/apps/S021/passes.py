from celery import Celery
from celery.schedules import crontab

EVERY = crontab(minute="*/10", hour="8-20")

app = Celery("shop")
app.conf.beat_schedule = {
    "close": {"task": "shop.close", "schedule": crontab(hour=4, minute=0)},
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
