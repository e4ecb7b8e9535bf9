"""error: W014 entry 'send', task 'shop.send': it is sent as yaml, and workers accept ['application/json']"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"send": {"task": "shop.send", "schedule": 3600, "options": {"serializer": "yaml"}}}


@app.task(name="shop.send")
def send() -> None:
    pass
