"""error: S016 entry 'ping', task 'shop.ping': its messages expire after -60 s, before a worker can read them"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"ping": {"task": "shop.ping", "schedule": 60, "options": {"expires": -60}}}


@app.task(name="shop.ping")
def ping() -> None:
    pass
