"""info: S013 entry 'report', task 'shop.report': 03:00 to 04:00 comes twice in Europe/Kyiv on 2026-10-25: {release} runs it …"""

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.update(timezone="Europe/Kyiv")
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": crontab(hour=3, minute=30)}}


@app.task(name="shop.report")
def report() -> None:
    pass
