"""error: S011 entry 'report', task 'shop.report': it does not fire between 2026-01-01 and 2036-01-01"""

from datetime import datetime

from celery import Celery
from celery.schedules import schedstate, schedule


class Never(schedule):
    """What a crontab of 31 February is, up to Celery 5.6."""

    def is_due(self, last_run_at: datetime) -> schedstate:
        return schedstate(False, 10_000_000)


app = Celery("shop")
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": Never(3600)}}


@app.task(name="shop.report")
def report() -> None:
    pass
