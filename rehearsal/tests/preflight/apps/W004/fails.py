"""error: W004 setting 'task_queues': the task 'shop.send' goes to the queue 'mails', which `task_queues` does not have"""

from celery import Celery
from kombu import Queue

app = Celery("shop")
app.conf.update(
    task_queues=[Queue("celery"), Queue("mail")],
    task_create_missing_queues=False,
    task_routes={"shop.send": {"queue": "mails"}},
)


@app.task(name="shop.send")
def send() -> None:
    pass
