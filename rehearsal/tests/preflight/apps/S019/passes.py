from celery import Celery

app = Celery("shop")
app.conf.update(worker_concurrency=4)
app.conf.beat_schedule = {"sync": {"task": "shop.sync", "schedule": 7200}}


@app.task(name="shop.sync")
def sync() -> None:
    pass
