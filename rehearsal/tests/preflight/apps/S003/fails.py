"""error: S003 entry 'ping', task 'shop.ping': the arguments cannot be written as json: …"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"ping": {"task": "shop.ping", "schedule": 3600, "args": (object(),)}}


@app.task(name="shop.ping")
def ping(target: object) -> None:
    pass
