"""info: W006 setting 'task_queues': no route, task or entry of this application goes to the queue 'mail'"""

from celery import Celery
from kombu import Queue

app = Celery("shop")
app.conf.task_queues = [Queue("celery"), Queue("mail")]


@app.task(name="shop.send")
def send() -> None:
    pass
