"""warning: S010 entry 'report', task 'shop.report': it runs 24 h after its last run, and not at a time of day. …"""

from datetime import timedelta

from celery import Celery

app = Celery("shop")
app.conf.update(timezone="Europe/Kyiv")
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": timedelta(days=1)}}


@app.task(name="shop.report")
def report() -> None:
    pass
