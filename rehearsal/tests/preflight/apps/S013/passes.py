from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.update(timezone="Europe/Kyiv")
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": crontab(hour=4, minute=30)}}


@app.task(name="shop.report")
def report() -> None:
    pass
