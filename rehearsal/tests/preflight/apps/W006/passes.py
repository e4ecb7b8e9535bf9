from celery import Celery
from kombu import Queue

app = Celery("shop")
app.conf.task_queues = [Queue("celery"), Queue("mail")]
app.conf.beat_schedule = {"send": {"task": "shop.send", "schedule": 3600, "options": {"queue": "mail"}}}


@app.task(name="shop.send")
def send() -> None:
    pass


@app.task(name="shop.count")
def count() -> None:
    pass
