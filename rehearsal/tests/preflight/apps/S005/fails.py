"""warning: S005 entry 'ping', task 'shop.ping': its messages expire after 300 s, and the next one comes after 60 s"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"ping": {"task": "shop.ping", "schedule": 60, "options": {"expires": 300}}}


@app.task(name="shop.ping")
def ping() -> None:
    pass
