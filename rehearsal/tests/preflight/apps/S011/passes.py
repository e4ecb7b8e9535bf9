from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.beat_schedule = {
    "leap": {"task": "shop.report", "schedule": crontab(0, 0, day_of_month=29, month_of_year=2)},
}


@app.task(name="shop.report")
def report() -> None:
    pass
