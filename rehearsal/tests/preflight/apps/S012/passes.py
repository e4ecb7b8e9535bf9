from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.update(timezone="Europe/Kyiv")
app.conf.beat_schedule = {
    "report": {"task": "shop.report", "schedule": crontab(hour=4, minute=30)},
    "poll": {"task": "shop.report", "schedule": crontab(minute=30)},
    # Never on a Sunday, when clocks change.
    "close": {"task": "shop.report", "schedule": crontab(hour=3, minute=30, day_of_week="mon-fri")},
}


@app.task(name="shop.report")
def report() -> None:
    pass
