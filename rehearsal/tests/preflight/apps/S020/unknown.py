"""info: S020 setting 'beat_schedule': 2 beats send each of the 1 entries 2 times"""

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.beat_schedule = {"close": {"task": "shop.close", "schedule": crontab(hour=18, minute=0)}}
closed: list[str] = []


@app.task(name="shop.close")
def close() -> None:
    closed.append("the day")
