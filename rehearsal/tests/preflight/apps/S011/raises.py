"""error: S011 entry 'report', task 'shop.report': entry report: its schedule …"""

from datetime import datetime

from celery import Celery
from celery.schedules import schedstate, schedule


class Broken(schedule):
    def is_due(self, last_run_at: datetime) -> schedstate:
        raise RuntimeError("unable to rollover")


app = Celery("shop")
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": Broken(3600)}}


@app.task(name="shop.report")
def report() -> None:
    pass
