from datetime import date

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"ping": {"task": "shop.ping", "schedule": 3600, "args": (date(2026, 1, 15),)}}


@app.task(name="shop.ping")
def ping(day: date) -> None:
    pass
