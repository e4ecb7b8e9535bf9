"""error: S001 entry 'report': no task of this application is named 'shop.tasks.report', and the message goes to the queue 'celery'"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"report": {"task": "shop.tasks.report", "schedule": 3600}}


@app.task(name="shop.report")
def report() -> None:
    pass
