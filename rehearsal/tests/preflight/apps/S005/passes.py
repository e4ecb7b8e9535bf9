from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"ping": {"task": "shop.ping", "schedule": 60, "options": {"expires": 60}}}


@app.task(name="shop.ping")
def ping() -> None:
    pass
