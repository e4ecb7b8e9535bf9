from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {
    "ping": {"task": "shop.ping", "schedule": 60, "options": {"expires": 60}},
    "bill": {"task": "shop.bill", "schedule": 24 * 3600},
    "poll": {"task": "shop.poll", "schedule": 60},
}


@app.task(name="shop.ping")
def ping() -> None:
    pass


@app.task(name="shop.bill")
def bill() -> None:
    pass


@app.task(name="shop.poll", expires=60)
def poll() -> None:
    pass
