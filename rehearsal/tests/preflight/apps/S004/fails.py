"""info: S004 entry 'ping', task 'shop.ping': it runs every 60 s and has no `expires`: its messages pile up while no worker runs"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"ping": {"task": "shop.ping", "schedule": 60}}


@app.task(name="shop.ping")
def ping() -> None:
    pass
