from datetime import timedelta

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {
    "ping": {"task": "shop.ping", "schedule": 3600, "options": {"expires": timedelta(hours=1)}},
}


@app.task(name="shop.ping")
def ping() -> None:
    pass
