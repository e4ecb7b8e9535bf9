from celery import Celery
from kombu import Queue

app = Celery("shop")
app.conf.update(
    task_queues=[Queue("celery"), Queue("mail")],
    task_create_missing_queues=False,
    task_routes={"shop.send": {"queue": "mail"}},
)


@app.task(name="shop.send")
def send() -> None:
    pass
