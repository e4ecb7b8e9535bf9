"""info: S014 entry 'report', task 'shop.report': cron reads '0 0 1,2,3,4,5,6,7 * 1' as days that are in either field of days, and Celery as days that are in both: it fires less often"""

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.beat_schedule = {
    "report": {"task": "shop.report", "schedule": crontab(0, 0, day_of_month="1-7", day_of_week="mon")},
}


@app.task(name="shop.report")
def report() -> None:
    pass
