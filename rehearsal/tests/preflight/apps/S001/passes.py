from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": 3600}}


@app.task(name="shop.report")
def report() -> None:
    pass
