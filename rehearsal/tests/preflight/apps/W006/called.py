"""info: W006 setting 'task_queues': no route, task or entry of this application goes to the queue 'nobody'"""

from celery import Celery
from kombu import Queue

app = Celery("shop")
app.conf.task_queues = [Queue("celery"), Queue("mail"), Queue("slow"), Queue("nobody")]


@app.task(name="shop.send")
def send() -> None:
    pass


def order() -> None:
    send.apply_async(queue="mail")
    send.si().set(queue="slow").delay()
