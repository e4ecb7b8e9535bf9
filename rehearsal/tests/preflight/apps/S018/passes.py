from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.beat_schedule = {"sync": {"task": "shop.sync", "schedule": crontab(minute=0, hour="*/2")}}


@app.task(name="shop.sync")
def sync() -> None:
    pass
