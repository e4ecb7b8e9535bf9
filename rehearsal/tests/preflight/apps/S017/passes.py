from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.beat_schedule = {
    "report": {"task": "shop.report", "schedule": crontab(hour=18, minute=0)},
    "sync": {"task": "shop.report", "schedule": 3600},
}


@app.task(name="shop.report")
def report() -> None:
    pass
