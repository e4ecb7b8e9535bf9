from celery import Celery

app = Celery("shop")
app.conf.worker_prefetch_multiplier = 1


@app.task(name="shop.send", acks_late=True)
def send() -> None:
    pass
