"""info: S012 entry 'report', task 'shop.report': 03:30 does not exist in Europe/Kyiv on 2026-03-29: {release} runs it at 04:30"""

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.update(timezone="Europe/Kyiv")
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": crontab(hour=3, minute=30)}}


@app.task(name="shop.report")
def report() -> None:
    pass
