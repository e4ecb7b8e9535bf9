"""error: S017 entry 'report', task 'shop.report': its interval is 1 d, and a deploy comes every 12 h, so it never runs: in a simulation, 0 of 30 runs in 30 d"""

from datetime import timedelta

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": timedelta(days=1)}}


@app.task(name="shop.report")
def report() -> None:
    pass
