"""info: S003 entry 'ping', task 'shop.ping': an argument is a BeatLazyFunc, whose value preflight does not compute"""

from datetime import date

from celery import Celery
from celery.beat import BeatLazyFunc

app = Celery("shop")
app.conf.beat_schedule = {"ping": {"task": "shop.ping", "schedule": 3600, "args": (BeatLazyFunc(date.today),)}}


@app.task(name="shop.ping")
def ping(day: date) -> None:
    pass
