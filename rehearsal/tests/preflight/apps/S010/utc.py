"""warning: S010 entry 'report', task 'shop.report': it runs 48 h after its last run, and not at a time of day. The clocks of UTC do not change"""

from datetime import timedelta

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": timedelta(days=2)}}


@app.task(name="shop.report")
def report() -> None:
    pass
