from celery import Celery

app = Celery("shop")
app.conf.worker_prefetch_multiplier = 1


@app.task(name="shop.report", time_limit=3600)
def report() -> None:
    pass
