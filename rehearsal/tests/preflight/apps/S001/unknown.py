"""info: S001 entry 'report': no task of this application is named 'billing.report', and the message goes to the queue 'billing'"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"report": {"task": "billing.report", "schedule": 3600, "options": {"queue": "billing"}}}


@app.task(name="shop.report")
def report() -> None:
    pass
