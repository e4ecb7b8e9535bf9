from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.update(timezone="Europe/Kyiv")
app.conf.beat_schedule = {
    "report": {"task": "shop.report", "schedule": crontab(hour=18, minute=0)},
    "bill": {"task": "shop.report", "schedule": crontab(0, 6, day_of_month=1)},
    "close": {"task": "shop.report", "schedule": crontab(30, "8-17/3", day_of_week="mon-fri")},
}


@app.task(name="shop.report")
def report() -> None:
    pass
