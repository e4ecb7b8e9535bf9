"""info: S017 entry 'report', task 'shop.report': its interval is 1 d, and a deploy comes every 12 h: if beat's schedule file does not survive a deploy, it never runs"""

from datetime import timedelta

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": timedelta(days=1)}}


@app.task(name="shop.report")
def report() -> None:
    pass
